#![doc = include_str!("../README.md")]

mod ours;
mod peers;
mod stage;

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

pub use stage::with_tenant;

/// What is done with each path to a cached token: it is timed, or its allocations are counted.
pub trait Measure {
    /// Takes a path. Each thread makes its own caller, of what the threads share.
    fn path<C, R>(&mut self, name: &str, caller: impl Fn() -> C + Sync)
    where
        C: FnMut() -> R;
}

/// Gets a token by each path, and hands the paths to `measure`.
pub fn measure(measure: &mut impl Measure) {
    ours::Floor::new().measure(measure);
    ours::Client::signed_in().measure(measure);
    peers::Azure::signed_in().measure(measure);
    peers::GraphOauth::signed_in().measure(measure);
}

/// The output of a future that waits for nothing, without a runtime to measure along.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a hit waits for nothing"),
    }
}

/// The output of a future that talks to the tenant.
fn wait_for<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
        .block_on(future)
}
