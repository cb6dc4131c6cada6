//! What keeps one mistake, or one stolen grant, from reaching a whole fleet.

mod budget;
mod switch;

pub use budget::MutationBudget;
pub(super) use budget::{Ledger, Reservation};
pub use switch::OperationsSwitch;
