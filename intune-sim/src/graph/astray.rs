//! Pages that lead a client astray.

use uuid::Uuid;

use super::{ListQuirk, paging::SkipToken};
use crate::{Device, tenant::directory::Position};

/// Where a next link leads.
pub(super) enum Next {
    Url(String),
    /// A place in the list, or its beginning.
    Page(Option<SkipToken>),
}

/// The next link of a page at `place`, whose honest one is `next`.
pub(super) fn next(
    quirk: &ListQuirk,
    place: Option<Position>,
    next: Option<SkipToken>,
) -> Option<Next> {
    match quirk {
        ListQuirk::NextLinkTo(url) => Some(Next::Url(url.clone())),
        ListQuirk::PageLoop => Some(Next::Page(Some(SkipToken(place.unwrap_or_default())))),
        ListQuirk::PagePair if place.is_some() => Some(Next::Page(None)),
        // Where there is no second page, the first one is given another address.
        ListQuirk::PagePair => Some(Next::Page(Some(
            next.unwrap_or(SkipToken(Default::default())),
        ))),
        ListQuirk::EndlessPages => Some(Next::Page(Some(next.unwrap_or_else(beyond)))),
        ListQuirk::HugePage(_) => None,
        ListQuirk::None | ListQuirk::IgnoreFilter => next.map(|token| Next::Page(Some(token))),
    }
}

/// A place that was never given before, and that no device is beyond.
fn beyond() -> SkipToken {
    SkipToken((char::MAX.to_string(), Uuid::new_v4().to_string()))
}

/// Devices that the tenant doesn't have.
pub(super) fn invented(rows: usize) -> Vec<Device> {
    let device = Device::new("INVENTED");
    (1..=rows)
        .map(|row| {
            let id = |kind: &str| format!("{kind}-0000-4000-8000-{row:012x}");
            device
                .clone()
                .with("deviceName", format!("INVENTED-{row}"))
                .managed_id(id("11111111"))
                .entra_id(id("22222222"))
        })
        .collect()
}
