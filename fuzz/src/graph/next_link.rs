//! Where the next page is: the bearer goes home, and nowhere else, by either parser's reading.

use std::sync::LazyLock;

use entra_auth::{Cloud, http::ServiceUrl};
use http::Uri;
use intune_core::Cursor;
use intune_graph::{
    GraphEndpoint,
    fuzzing::{self, Listing},
};
use url::Url;

const HOME: &str = "https://graph.microsoft.com/";
const LIST: &str = "/v1.0/deviceManagement/managedDevices";

static LISTING: LazyLock<(ServiceUrl, Listing)> = LazyLock::new(|| {
    let root = GraphEndpoint::of(Cloud::Global).root().clone();
    let first = Listing::first(&root).expect("the path is relative");
    (root, first)
});

/// The bytes are a link, which may have several lines, and on the last line a cursor that we are given.
pub fn next_link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (link, cursor) = text.rsplit_once('\n').unwrap_or((&text, ""));
    let (root, first) = &*LISTING;

    let page = serde_json::json!({"value": [], "@odata.nextLink": link}).to_string();
    let page = fuzzing::page(page.as_bytes(), None).expect("a page");
    assert_eq!(page.next_link.as_deref(), Some(link));
    follow(root, first, first, link);

    let resumed = first.resume(root, &Cursor::new(cursor.to_owned()));
    if let Ok(here) = resumed {
        assert_home(here.url());
        assert!(is_of_listing(here.url()), "{}", here.url());
        let again = first.resume(root, &here.cursor());
        assert_eq!(again.as_ref(), Ok(&here), "a cursor leads elsewhere");
        follow(root, first, &here, link);
    }
}

fn follow(root: &ServiceUrl, first: &Listing, here: &Listing, link: &str) {
    let next = match here.next(root, link) {
        Ok(next) => next.expect("a link leads somewhere"),
        Err(failure) => {
            let is_repeated = failure.code() == Some("nextLink_repeats");
            assert!(is_repeated || !is_plainly_home(link), "{link}: {failure}");
            return;
        }
    };
    assert_home(next.url());
    let resumed = first.resume(root, &next.cursor());
    match is_of_listing(next.url()) {
        true => assert_eq!(resumed, Ok(next.clone()), "a cursor leads elsewhere"),
        false => assert!(resumed.is_err(), "a cursor leads out of its listing"),
    }
    let repeated = next.next(root, next.url().as_str());
    let repeated = repeated.expect_err("a page that leads to itself");
    assert_eq!(repeated.code(), Some("nextLink_repeats"));
}

/// Whether an address is one of the same listing, on whichever page.
fn is_of_listing(url: &Url) -> bool {
    url.path().eq_ignore_ascii_case(LIST)
}

fn assert_home(url: &Url) {
    assert!(url.as_str().starts_with(HOME), "{url}");
    // A request holds the URL as another parser reads it, and the client reads that again.
    let uri: Uri = url.as_str().parse().expect("a link that can't be sent");
    let authority = uri.authority().map(http::uri::Authority::as_str);
    assert_eq!(uri.scheme_str(), Some("https"));
    assert_eq!(authority, Some("graph.microsoft.com"));
    let mut expected = url.clone();
    expected.set_fragment(None);
    let sent = Url::parse(&uri.to_string()).expect("a link that can't be sent");
    assert_eq!(sent, expected, "what is sent is what was followed");
}

/// Whether nobody could doubt that the link may be followed.
fn is_plainly_home(link: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/?=&%$'-_.~".contains(c);
    link.len() < 60_000
        && link
            .strip_prefix(HOME)
            .is_some_and(|path| path.chars().all(is_plain))
}
