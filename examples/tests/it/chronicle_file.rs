//! The Chronicle that the host writes: what is in it, what is not, and that nobody can change it unseen.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    binary::example,
    running::Running,
    tenant::{Answer, DEVICE, GRAPH_TOKEN, RECORD, SECRET, Tenant, device, page},
};

/// A host that has decided four times: allow live, allow cached, deny, and unavailable.
async fn four_decisions() -> (Tenant, Running, Vec<Value>) {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let good = tenant.token(json!({}));
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(host.authorize(&good, "device-management").await.body);
    }
    let bad = tenant.token(json!({"deviceid": "x"}));
    answers.push(host.authorize(&bad, "infrastructure-operations").await.body);
    tenant.devices(|_| Answer::text(429, "{}").with("retry-after", 60));
    let other = "33333333-4444-4555-8666-777777777700";
    let other = tenant.token(json!({"deviceid": other}));
    answers.push(host.authorize(&other, "device-management").await.body);
    (tenant, host, answers)
}

#[tokio::test]
async fn each_decision_is_one_record_with_all_that_the_contract_names() {
    let (tenant, host, answers) = four_decisions().await;
    let records = host.records();
    assert_eq!(records.len(), 4);
    for (number, (record, answer)) in records.iter().zip(&answers).enumerate() {
        assert_eq!(record["specversion"], "1.0");
        assert_eq!(record["type"], "chronicle.device_compliance_checked");
        assert_eq!(record["eventname"], "DEVICE_COMPLIANCE_CHECKED");
        assert_eq!(record["eventcode"], "0x2801");
        assert_eq!(record["datacontenttype"], "application/json");
        assert_eq!(record["sequence"], format!("{:020}", number + 1));
        assert_eq!(record["id"].as_str().unwrap().chars().nth(14), Some('7'));
        assert!(record["time"].as_str().unwrap().ends_with('Z'));
        assert!(
            record["source"]
                .as_str()
                .unwrap()
                .starts_with("urn:broker:")
        );
        let (data, decision) = (&record["data"], &answer["decision"]);
        assert_eq!(data["decision_id"], decision["id"]);
        for name in ["outcome", "reason", "enforced", "retryable"] {
            assert_eq!(data[name], decision[name], "{name}");
        }
        assert_eq!(data["principal"]["issuer"], tenant.issuer());
        assert_eq!(data["principal"]["subject"], "adele");
        for name in ["digest", "required", "strict", "mode", "layers", "loosened"] {
            assert!(data["policy"].get(name).is_some(), "{name}");
        }
    }
    let [live, cached, invalid, failed] = records.as_slice() else {
        panic!("four records");
    };
    for record in [live, cached] {
        assert_eq!(record["subject"], DEVICE);
        assert_eq!(record["data"]["device"]["entra_device_id"], DEVICE);
        assert_eq!(record["data"]["device"]["managed_device_id"], RECORD);
        assert_eq!(record["data"]["device"]["records"], 1);
        let compliance = &record["data"]["compliance"];
        assert_eq!(compliance["state"], "compliant");
        for name in ["observed_at", "age_ms", "last_check_in"] {
            assert!(compliance.get(name).is_some(), "{name}");
        }
    }
    assert_eq!(live["data"]["compliance"]["served"], "live");
    assert_eq!(cached["data"]["compliance"]["served"], "cache");
    assert_eq!(
        live["data"]["compliance"]["observed_at"],
        cached["data"]["compliance"]["observed_at"]
    );
    assert_eq!(
        invalid["data"]["accord_template"],
        "infrastructure-operations"
    );
    for name in ["device", "compliance", "source_error", "would"] {
        assert_eq!(invalid["data"].get(name), None, "{name}");
    }
    assert_eq!(failed["data"]["source_error"]["kind"], "throttled");
    assert_eq!(failed["data"]["source_error"]["status"], 429);
    assert_eq!(failed["data"].get("compliance"), None);
}

#[tokio::test]
async fn nothing_secret_or_personal_is_in_a_record() {
    let (tenant, host, answers) = four_decisions().await;
    let text = std::fs::read_to_string(host.chronicle()).unwrap();
    let ac = answers[0]["ac"]["token"].as_str().unwrap();
    for secret in ["canary", SECRET, GRAPH_TOKEN, ac, "eyJ"] {
        assert!(!text.contains(secret), "{secret}");
    }
    drop(tenant);
}

#[tokio::test]
async fn the_trace_that_a_request_belongs_to_is_recorded_and_a_wrong_one_is_not() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for header in [
        trace,
        "garbage",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    ] {
        let url = format!("http://{}/governance/authorize/", host.address());
        let request = http
            .post(url)
            .bearer_auth(tenant.token(json!({})))
            .header("traceparent", header)
            .body(r#"{"accord_template":"device-management"}"#);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let records = host.records();
    assert_eq!(records[0]["traceparent"], trace);
    assert_eq!(records[1].get("traceparent"), None);
    assert_eq!(records[2].get("traceparent"), None);
}

#[tokio::test]
async fn a_subject_that_looks_like_a_line_of_json_stays_a_subject() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let subject = "a\"}}\n{\"specversion\":\"1.0\"}\u{2028}\u{0}\u{1f600}";
    let token = tenant.token(json!({"sub": subject}));
    assert_eq!(
        host.authorize(&token, "device-management").await.status,
        200
    );
    let records = host.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["data"]["principal"]["subject"], subject);
    assert_eq!(chronicle::verify_file(host.chronicle()).unwrap().records, 1);
}

#[tokio::test]
async fn any_byte_that_is_changed_is_found_and_its_line_named() {
    let (_tenant, host, _) = four_decisions().await;
    let bytes = std::fs::read(host.chronicle()).unwrap();
    assert_eq!(chronicle::verify(bytes.as_slice()).unwrap().records, 4);
    let last_line = bytes.len() - 200;
    let everywhere = (0..bytes.len()).step_by(5).chain(last_line..bytes.len());
    let newlines = (0..bytes.len()).filter(|&at| bytes[at] == b'\n');
    for at in everywhere.chain(newlines) {
        let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
        for changed in [bytes[at] ^ 1, bytes[at] ^ 0x20, b'\n', b' ', 0xff] {
            if changed == bytes[at] {
                continue;
            }
            let mut tampered = bytes.clone();
            tampered[at] = changed;
            let error = chronicle::verify(tampered.as_slice()).unwrap_err();
            assert_eq!(error.line(), line as u64, "byte {at} to {changed:#x}");
            assert!(error.to_string().contains(&format!("line {line}")));
        }
    }
}

#[tokio::test]
async fn lines_that_are_removed_moved_or_torn_are_found() {
    let (_tenant, host, _) = four_decisions().await;
    let text = std::fs::read_to_string(host.chronicle()).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let line = |order: &[usize]| {
        let text: String = order.iter().map(|&number| lines[number]).collect();
        chronicle::verify(text.as_bytes()).unwrap_err().line()
    };
    assert_eq!(line(&[1, 2, 3]), 1);
    assert_eq!(line(&[0, 2, 3]), 2);
    assert_eq!(line(&[0, 2, 1, 3]), 2);
    assert_eq!(line(&[0, 1, 1, 2]), 3);
    for cut in 1..lines[3].len() {
        let torn = &text[..text.len() - cut];
        assert_eq!(chronicle::verify(torn.as_bytes()).unwrap_err().line(), 4);
    }
}

#[tokio::test]
async fn the_verify_program_tells_an_unbroken_file_from_a_broken_one() {
    let (_tenant, host, _) = four_decisions().await;
    let verify = |path: &std::path::Path| {
        let output = Command::new(example("verify")).arg(path).output().unwrap();
        let text =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = verify(host.chronicle());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("4 records"), "{text}");

    let mut bytes = std::fs::read(host.chronicle()).unwrap();
    let at = bytes.len() - 300;
    bytes[at] ^= 1;
    let tampered = host.files().join("tampered.jsonl");
    std::fs::write(&tampered, &bytes).unwrap();
    let (code, text) = verify(&tampered);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("line 4"), "{text}");
    let (code, text) = verify(&host.files().join("missing.jsonl"));
    assert_eq!(code, Some(1), "{text}");
}

#[tokio::test]
async fn a_host_goes_on_where_the_last_one_stopped() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| page(&[device("noncompliant")]));
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({}));
    host.authorize(&token, "device-management").await;
    let kept = host.files().join("kept.jsonl");
    std::fs::copy(host.chronicle(), &kept).unwrap();
    let sink = chronicle::JsonlSink::open(&kept).unwrap();
    assert_eq!(sink.head().unwrap().sequence.get(), 1);
}
