//! Which hosts a request may ask for, and which web pages may send it.
//!
//! A page of anybody's, in a browser that reaches this service, is kept out by its `Origin`; one that made
//! its own name lead here ([DNS rebinding](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http)),
//! by its `Host`, too.

use ::http::{
    HeaderMap, HeaderName, Uri,
    header::{HOST, ORIGIN},
    uri::Authority,
};
use url::{Origin, Url};

use super::Refusal;

/// Who may be asked for, and by whom.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) hosts: Vec<Host>,
    pub(super) origins: Vec<Origin>,
}

/// A host name or address, and a port.
#[derive(Debug)]
pub(super) struct Host {
    name: String,
    port: u16,
    /// Whether the port is the scheme's own, which nobody needs to name.
    is_own_port: bool,
}

impl Host {
    pub(super) fn of(url: &Url) -> Option<Self> {
        Some(Self {
            name: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            is_own_port: url.port().is_none(),
        })
    }

    fn is(&self, authority: &Authority) -> bool {
        let host = authority.host();
        let port = authority.port_u16();
        // Neither a user nor a port that is none.
        let length = host.len() + authority.port().map_or(0, |port| 1 + port.as_str().len());
        length == authority.as_str().len()
            && host.eq_ignore_ascii_case(&self.name)
            && port.map_or(self.is_own_port, |port| port == self.port)
    }
}

impl Front {
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let header = only(headers, &HOST)?;
        let header = header.map(str::parse::<Authority>).transpose();
        let header = header.map_err(|_| Refusal::Malformed("Host"))?;
        let mut asked_for = [uri.authority(), header.as_ref()]
            .into_iter()
            .flatten()
            .peekable();
        if asked_for.peek().is_none() {
            return Err(Refusal::Malformed("Host"));
        }
        if !asked_for.all(|host| self.answers_to(host)) {
            return Err(Refusal::Host);
        }
        match only(headers, &ORIGIN)? {
            None => Ok(()),
            Some(origin) if self.lets_in(origin) => Ok(()),
            Some(_) => Err(Refusal::Origin),
        }
    }

    fn answers_to(&self, asked_for: &Authority) -> bool {
        self.hosts.iter().any(|host| host.is(asked_for))
    }

    fn lets_in(&self, origin: &str) -> bool {
        let Ok(url) = Url::parse(origin) else {
            return false;
        };
        // No more than an origin; `null` is none.
        let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        is_origin && url.username().is_empty() && self.origins.contains(&url.origin())
    }
}

/// The one value of a header, if it has one.
pub(super) fn only<'a>(
    headers: &'a HeaderMap,
    name: &'static HeaderName,
) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str();
            text.map(Some)
                .map_err(|_| Refusal::Malformed(name.as_str()))
        }
        (Some(_), Some(_)) => Err(Refusal::Malformed(name.as_str())),
    }
}
