//! What a wipe says on the wire, and where its unlock code is not.

use std::{
    io,
    sync::{Arc, Mutex, Once, PoisonError},
};

use futures_util::future::join_all;
use intune_core::{Operation, WipeOptions};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    desk::{ACTIONS, Desk},
    running::Running,
    shapes::{error, intune},
    tenant::{Answer, Call, SECRET, Tenant, done},
};

/// Whether it is done, and what is answered.
type Reaction = fn(&Call) -> (bool, Answer);

const CODE: &str = "739154";

fn body(call: &Call) -> Value {
    serde_json::from_str(&call.body).unwrap()
}

#[tokio::test]
async fn a_wipe_says_what_is_to_be_kept_and_nothing_that_the_api_does_not_know() {
    let known = [
        "keepEnrollmentData",
        "keepUserData",
        "macOsUnlockCode",
        "persistEsimDataPlan",
    ];
    let code = CODE.parse().unwrap();
    for (options, said) in [
        (WipeOptions::new(), json!({})),
        (
            WipeOptions::new().keep_enrollment_data(true),
            json!({"keepEnrollmentData": true}),
        ),
        (
            WipeOptions::new().keep_user_data(true),
            json!({"keepUserData": true}),
        ),
        (
            WipeOptions::new().persist_esim_data_plan(true),
            json!({"persistEsimDataPlan": true}),
        ),
        (
            WipeOptions::new()
                .keep_user_data(true)
                .mac_os_unlock_code(code),
            json!({"keepUserData": true, "macOsUnlockCode": CODE}),
        ),
    ] {
        let tenant = Tenant::start().await;
        let host = Running::over(&tenant).await;
        let desk = Desk::at(&host).with(options);
        let invoked = desk.invokes(Operation::WipeDevice).await;
        assert_eq!(invoked.outcome.as_str(), "accepted");
        let sent = &tenant.effects()[0];
        let media_type = sent.header("content-type").unwrap();
        assert!(media_type.starts_with("application/json"), "{media_type}");
        let mut body = body(sent);
        let members = body.as_object_mut().unwrap();
        assert!(
            members.keys().all(|name| known.contains(&&**name)),
            "{members:?}"
        );
        // What is off by default may be said or not.
        members.retain(|_, value| *value != Value::Bool(false));
        assert_eq!(body, said);
    }
}

#[tokio::test]
async fn the_other_actions_say_nothing() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let others = ACTIONS.into_iter().filter(|(_, name)| *name != "wipe");
    for (operation, name) in others {
        Desk::at(&host).invokes(operation).await;
        let effects = tenant.effects();
        let sent = effects.last().unwrap();
        assert!(sent.path.ends_with(&format!("/{name}")), "{}", sent.path);
        assert_eq!(sent.body, "", "{name}");
    }
}

/// Everything that is logged, at any level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Whether the code stands in a text by itself: in a longer number it stands by chance.
fn tells(text: &str) -> bool {
    let alone = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + CODE.len()..].chars().next();
        [before, after]
            .into_iter()
            .flatten()
            .all(|c| !c.is_ascii_alphanumeric())
    };
    text.match_indices(CODE).any(|(at, _)| alone(at))
}

/// Logs everything for as long as the guard lives; the runtime has one thread.
fn logged() -> (Log, tracing::subscriber::DefaultGuard) {
    // Whoever logs first in this process, with nobody listening, would else switch its line off for all.
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    });
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn an_unlock_code_is_in_the_body_of_its_wipe_and_nowhere_else() {
    let (log, _logging) = logged();
    let answers: [Reaction; 4] = [
        |_| (true, done()),
        |_| (true, Answer::Cut("")),
        // It may be told back to us.
        |call| {
            (
                false,
                error(400, &json!({"error": {"code": "x", "message": call.body}})),
            )
        },
        |_| (true, error(500, &intune("InternalServerError"))),
    ];
    for answer in answers {
        let tenant = Tenant::start().await;
        let host = Running::over(&tenant).await;
        tenant.actions(answer);
        let code = CODE.parse().unwrap();
        let options = WipeOptions::new().mac_os_unlock_code(code);
        assert!(!tells(&format!("{options:?}")));
        let desk = Desk::at(&host).with(options);
        let opened = desk.tries(Operation::WipeDevice, None).await;
        assert!(!tells(&format!("{opened:?}")));
        let operations = host.operations.as_ref().unwrap();
        assert!(!tells(&format!("{operations:?}")));
        let invoked = desk.invokes(Operation::WipeDevice).await;
        assert!(!tells(&format!("{invoked:?}")), "{invoked:?}");

        let calls = tenant.calls("");
        let with_code: Vec<_> = calls
            .iter()
            .filter(|call| tells(&format!("{call:?}")))
            .collect();
        let [wipe] = with_code.as_slice() else {
            panic!("{with_code:?}");
        };
        assert!(wipe.is_action());
        assert_eq!(body(wipe)["macOsUnlockCode"], CODE);
        assert!(!tells(&format!(
            "{} {} {:?}",
            wipe.path, wipe.query, wipe.headers
        )));
        let chronicle = std::fs::read_to_string(host.chronicle()).unwrap();
        assert!(chronicle.contains("parameters_digest") && !tells(&chronicle));
    }
    let log = log.text();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG"),
        "nothing was logged"
    );
    let line = log
        .lines()
        .find(|line| tells(line) || line.contains(SECRET));
    assert_eq!(line, None);
}

#[tokio::test]
async fn an_unlock_code_that_is_told_back_as_a_code_or_an_id_goes_no_further() {
    let (log, _logging) = logged();
    let answers: [Reaction; 4] = [
        |_| (true, Answer::text(204, "").with("request-id", CODE)),
        |_| {
            (
                false,
                Answer::status(400, &json!({"error": {"code": CODE, "message": CODE}})),
            )
        },
        |_| {
            (
                false,
                Answer::status(400, &json!({"error": {"innerError": {"request-id": CODE}}})),
            )
        },
        |_| (true, Answer::text(500, CODE).with("request-id", CODE)),
    ];
    for answer in answers {
        let tenant = Tenant::start().await;
        let host = Running::over(&tenant).await;
        tenant.actions(answer);
        let options = WipeOptions::new().mac_os_unlock_code(CODE.parse().unwrap());
        let desk = Desk::at(&host).with(options);
        let invoked = desk.invokes(Operation::WipeDevice).await;
        let chronicle = std::fs::read_to_string(host.chronicle()).unwrap();
        assert!(!tells(&chronicle), "{chronicle}");
        assert!(!tells(&format!("{invoked:?}")), "{invoked:?}");
    }
    assert!(!tells(&log.text()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_approval_is_good_for_one_wipe_however_many_try_at_once() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let desk = Desk::at(&host);
    let asked = desk.tries(Operation::WipeDevice, None).await.unwrap_err();
    let intune_core::OperationErrorKind::CeremonyRequired(open) = asked.kind() else {
        panic!("{asked}");
    };
    desk.approve(open.id).await;
    let tries = (0..50).map(|_| desk.tries(Operation::WipeDevice, Some(open.id)));
    let invoked = join_all(tries).await;
    assert_eq!(invoked.iter().filter(|invoked| invoked.is_ok()).count(), 1);
    assert_eq!(tenant.action_calls().len(), 1);
}
