//! What reads Graph's answers, on bytes and without a network: for the targets in `fuzz/` and for
//! `tests/corpus.rs`, which runs them on what the fuzzers found.
//!
//! Not part of the public API.

use std::{marker::PhantomData, time::Duration};

use bytes::Bytes;
use clock::Timestamp;
use entra_auth::http::{JoinUrlError, ServiceUrl};
use http::{HeaderMap, Response, StatusCode};
use intune_core::{Cursor, DeviceQuery, EntraDeviceId, ManagedDevice, SourceFailure};
use url::Url;

use crate::{answer::Answer, listing, object, page, request, row::Row, wire::Effect};

/// Our id of every request.
pub const CLIENT_REQUEST_ID: &str = "99999999-8888-4777-8666-555555555555";

/// A page as it is decoded.
#[derive(Debug)]
pub struct Page {
    /// Of each row the device, unless it has no id.
    pub devices: Vec<Option<ManagedDevice>>,
    pub next_link: Option<String>,
}

/// Decodes a page, all of it or the rows of one device.
///
/// # Errors
///
/// It is none.
pub fn page(body: &[u8], of: Option<EntraDeviceId>) -> Result<Page, SourceFailure> {
    let is_wanted = |row: &Row| of.is_none() || row.entra_device_id() == of;
    let page::PageBody { rows, next_link } = ok(body).decode(page::PageOf(is_wanted))?;
    Ok(Page {
        devices: rows.into_iter().map(Row::into_device).collect(),
        next_link,
    })
}

/// Decodes a device; `None` if it has no id.
///
/// # Errors
///
/// It is none.
pub fn device(body: &[u8]) -> Result<Option<ManagedDevice>, SourceFailure> {
    let object::Object(row) = ok(body).decode(PhantomData::<object::Object<Row>>)?;
    Ok(row.into_device())
}

/// What is made of an answer that isn't the one that was asked for.
#[derive(Debug)]
pub struct Refusal {
    pub failure: SourceFailure,
    pub is_absence: bool,
    pub rejects_token: bool,
    pub asked_delay: Option<Duration>,
}

/// Classifies such an answer, to a read or to a write.
#[must_use]
pub fn refusal(
    status: StatusCode,
    headers: HeaderMap,
    body: &[u8],
    is_write: bool,
    received_at: Timestamp,
) -> Refusal {
    let mut response = Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let effect = if is_write {
        Effect::Write
    } else {
        Effect::Read
    };
    let answer = Answer::new(response, CLIENT_REQUEST_ID.to_owned(), effect, received_at);
    Refusal {
        failure: answer.failure(),
        is_absence: answer.is_absence(),
        rejects_token: answer.rejects_token(),
        asked_delay: answer.asked_delay(),
    }
}

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing(listing::Listing);

impl Listing {
    /// The first of all devices.
    ///
    /// # Errors
    ///
    /// The root can't be joined to.
    pub fn first(root: &ServiceUrl) -> Result<Self, JoinUrlError> {
        request::list(root, &DeviceQuery::new()).map(|url| Self(listing::Listing::first(url)))
    }

    /// The page to which `link` leads from here.
    ///
    /// # Errors
    ///
    /// It may not be followed.
    pub fn next(&self, root: &ServiceUrl, link: &str) -> Result<Option<Self>, SourceFailure> {
        Ok(self.0.next(root, Some(link))?.map(Self))
    }

    /// The page to which `cursor` leads, of the same listing.
    ///
    /// # Errors
    ///
    /// It may not be followed.
    pub fn resume(&self, root: &ServiceUrl, cursor: &Cursor) -> Result<Self, SourceFailure> {
        self.0.resume(root, cursor).map(Self)
    }

    #[must_use]
    pub const fn url(&self) -> &Url {
        self.0.url()
    }

    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.0.cursor()
    }
}

fn ok(body: &[u8]) -> Answer {
    Answer::new(
        Response::new(Bytes::copy_from_slice(body)),
        CLIENT_REQUEST_ID.to_owned(),
        Effect::Read,
        Timestamp::MIN,
    )
}
