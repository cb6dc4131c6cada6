use std::time::Duration;

use clock::{Moment, Timestamp};

use super::Check;

const NAME: &str = "clock";
/// A check-in that lies further in the future than this is not believed, so a host that is slower decides by older
/// records than it should.
const TOO_FAR: Duration = Duration::from_secs(5 * 60);
const FAR: Duration = Duration::from_secs(30);

/// Compares the service's time with ours around the request. `Date` has whole seconds.
pub(super) fn check(date: Option<Timestamp>, before: Moment, after: Moment) -> Check {
    let Some(date) = date else {
        return Check::warning(NAME, "the service doesn't say what time it is");
    };
    let second = Duration::from_secs(1);
    let slow = date.since(after.wall);
    let fast = before.wall.since(date.saturating_add(second));
    let (skew, how) = if slow > fast {
        (slow, "slow")
    } else {
        (fast, "fast")
    };
    let detail = format!(
        "about {} s {how}: let NTP set this machine's clock",
        skew.as_secs()
    );
    if skew > TOO_FAR {
        Check::failed(NAME, detail)
    } else if skew > FAR {
        Check::warning(NAME, detail)
    } else {
        Check::passed(NAME, "agrees with the service's")
    }
}
