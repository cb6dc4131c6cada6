use entra_auth::http::ServiceUrl;
use http::Uri;
use intune_core::{Cursor, SourceFailure, SourceFailureKind};
use url::Url;

/// Reads a page's `@odata.nextLink`, which is to be followed as it is.
///
/// The next request carries a bearer token, so the link must lead to the same scheme, host and port: a link
/// to elsewhere would be a way to steal it. A link that no request can hold is refused, too.
pub(crate) fn parse(root: &ServiceUrl, link: &str) -> Result<Url, SourceFailure> {
    let url = Url::parse(link).ok().filter(|url| root.same_origin(url));
    let url = url.filter(|url| Uri::try_from(url.as_str()).is_ok());
    url.ok_or_else(|| {
        tracing::warn!("a nextLink leads away from the Graph endpoint, or nowhere: not followed");
        SourceFailure::new(SourceFailureKind::MalformedAnswer).with_code("nextLink")
    })
}

/// Wraps a link that was read.
pub(crate) fn cursor(url: &Url) -> Cursor {
    Cursor::new(url.to_string())
}
