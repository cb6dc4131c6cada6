//! What the targets do with their bytes. The `tests/corpus.rs` of `entra-auth` and `intune-graph` compile it, too.

mod response;

pub mod entra;
pub mod graph;
