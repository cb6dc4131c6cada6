//! What takes as long as a deadline, all at once.

use crate::{crowds, look_ups, operations, simulated};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_ends_is_given_up_in_time() {
    for ended in [
        tokio::spawn(look_ups::slow_look_ups()),
        tokio::spawn(crowds::before_silence()),
        tokio::spawn(operations::unanswered()),
        tokio::spawn(simulated::endless_look_ups()),
    ] {
        ended.await.unwrap();
    }
}
