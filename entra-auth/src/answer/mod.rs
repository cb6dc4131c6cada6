//! Reading what a token endpoint answers, which need not be what a token endpoint should answer.

mod clean;
mod grant;
mod kind;
mod refusal;

pub(crate) use self::{
    grant::{Grant, grant},
    refusal::{Asked, refusal},
};
