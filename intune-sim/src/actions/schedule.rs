//! What is due when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Delays, Order};
use crate::time::after;

/// What happens next to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The device checks in, and learns of it.
    CheckIn,
    /// The device has left.
    Leave,
}

/// Steps to come, by time and then by the order of their making.
#[derive(Debug)]
pub(crate) struct Schedule {
    delays: Delays,
    made: u64,
    due: BTreeMap<(DateTime<Utc>, u64), (Order, Step)>,
}

impl Schedule {
    pub(crate) fn new(delays: Delays) -> Self {
        Self {
            delays,
            made: 0,
            due: BTreeMap::new(),
        }
    }

    /// Plans a step of an order, counted from `from`.
    pub(crate) fn plan(&mut self, order: Order, step: Step, from: DateTime<Utc>) {
        let delay = match step {
            Step::CheckIn => self.delays.check_in,
            Step::Leave => self.delays.removal,
        };
        self.made += 1;
        self.due
            .insert((after(from, delay), self.made), (order, step));
    }

    /// The earliest step that is due, and when it was.
    pub(crate) fn pop(&mut self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Order, Step)> {
        let first = self.due.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ((at, _), (order, step)) = first.remove_entry();
        Some((at, order, step))
    }

    /// Drops the steps of a device's orders.
    pub(crate) fn forget(&mut self, device: &str, which: impl Fn(&Order) -> bool) {
        self.due
            .retain(|_, (order, _)| !(order.device.eq_ignore_ascii_case(device) && which(order)));
    }
}
