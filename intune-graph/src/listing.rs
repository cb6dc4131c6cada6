use entra_auth::http::ServiceUrl;
use http::Uri;
use intune_core::{Cursor, SourceFailure, SourceFailureKind};
use url::Url;

/// A page of a listing: where it is, and how the listing came there.
///
/// A listing may be led in a circle, or on for ever. So it counts its pages, and it remembers one of those it
/// has read, the last whose number is a power of two: on a circle that page comes again
/// ([Brent](https://doi.org/10.1007/BF01933190)). That is little enough to travel in a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    url: Url,
    page: u32,
    remembered: u64,
}

impl Listing {
    pub(crate) fn first(url: Url) -> Self {
        Self {
            page: 1,
            remembered: digest(&url),
            url,
        }
    }

    /// Goes on where a cursor leads, which must be a page of the same listing.
    ///
    /// It was checked when it came, but it may have been anywhere since, and with our token it could ask Graph
    /// for anything.
    pub(crate) fn resume(&self, root: &ServiceUrl, cursor: &Cursor) -> Result<Self, SourceFailure> {
        let mut parts = cursor.as_str().splitn(3, ' ');
        let page = parts.next().and_then(|page| page.parse().ok());
        let remembered = parts.next().and_then(|digest| digest.parse().ok());
        let url = parts.next().and_then(|link| follow(root, link));
        let url = url.filter(|url| url.path().eq_ignore_ascii_case(self.url.path()));
        match (page, remembered, url) {
            (Some(page), Some(remembered), Some(url)) => Ok(Self {
                url,
                page,
                remembered,
            }),
            _ => Err(malformed("nextLink")),
        }
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// The page's number, from 1.
    pub(crate) const fn page(&self) -> u32 {
        self.page
    }

    /// The page to which `link` leads, which is to be followed as it is.
    ///
    /// Its request carries a bearer token, so the link must lead to the same scheme, host and port: a link to
    /// elsewhere would be a way to steal it. A link that no request can hold is refused, too.
    pub(crate) fn next(
        &self,
        root: &ServiceUrl,
        link: Option<&str>,
    ) -> Result<Option<Self>, SourceFailure> {
        let Some(link) = link else {
            return Ok(None);
        };
        let url = follow(root, link).ok_or_else(|| {
            tracing::warn!(
                "a nextLink leads away from the Graph endpoint, or nowhere: not followed"
            );
            malformed("nextLink")
        })?;
        let digest = digest(&url);
        if url == self.url || digest == self.remembered {
            return Err(malformed("nextLink_repeats"));
        }
        let page = self.page.saturating_add(1);
        let remembered = match page.is_power_of_two() {
            true => digest,
            false => self.remembered,
        };
        Ok(Some(Self {
            url,
            page,
            remembered,
        }))
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor::new(format!("{} {} {}", self.page, self.remembered, self.url))
    }
}

fn follow(root: &ServiceUrl, link: &str) -> Option<Url> {
    let url = Url::parse(link).ok().filter(|url| root.same_origin(url));
    url.filter(|url| Uri::try_from(url.as_str()).is_ok())
}

/// [FNV-1a](https://www.rfc-editor.org/rfc/rfc9923), which is the same in every process that a cursor reaches.
/// Who makes links collide ends their own listing early, and gains nothing.
fn digest(url: &Url) -> u64 {
    let mix = |digest: u64, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    url.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

pub(crate) fn malformed(what: &str) -> SourceFailure {
    SourceFailure::new(SourceFailureKind::MalformedAnswer).with_code(what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn link(number: usize) -> String {
        format!("http://127.0.0.1/v1.0/list?page={number}")
    }

    /// How many pages are read until it is seen that `path` ends in a circle, by cursors alone.
    fn pages_until_seen(tail: usize, circle: usize) -> u32 {
        let root: ServiceUrl = "http://127.0.0.1/v1.0/".parse().unwrap();
        let number = |page: usize| match page.checked_sub(tail) {
            Some(beyond) => tail + beyond % circle,
            None => page,
        };
        let first = Listing::first(link(0).parse().unwrap());
        let mut here = first.clone();
        for page in 1.. {
            let next = match here.next(&root, Some(&link(number(page)))) {
                Ok(next) => next.unwrap(),
                Err(_) => break,
            };
            here = first.resume(&root, &next.cursor()).unwrap();
            assert_eq!(here, next);
        }
        here.page()
    }

    proptest! {
        #[test]
        fn every_circle_is_seen_within_three_times_its_length(
            tail in 0_usize..60,
            circle in 1_usize..60,
        ) {
            let pages = pages_until_seen(tail, circle) as usize;
            prop_assert!(pages <= 3 * (tail + circle) + 2, "{pages}");
        }
    }

    #[test]
    fn a_long_list_is_no_circle() {
        let root = "http://127.0.0.1/v1.0/".parse().unwrap();
        let mut here = Listing::first(link(0).parse().unwrap());
        for page in 1..5_000 {
            here = here.next(&root, Some(&link(page))).unwrap().unwrap();
        }
        assert_eq!(here.page(), 5_000);
        assert!(here.cursor().as_str().len() < 100);
    }
}
