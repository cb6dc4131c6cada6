//! `$filter` as Intune evaluates it, which is not as OData defines it.

mod lexer;
mod parser;
mod plan;

pub(crate) use plan::{Plan, Rows};
