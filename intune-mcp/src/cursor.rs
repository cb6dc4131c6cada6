//! Where a listing goes on, as a caller holds it: sealed, so that it says nothing and can't be made.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use intune_core::Cursor;

/// The longest cursor, as text. A directory's own may hold a whole link.
const MAX_LENGTH: usize = 16 * 1024;

/// A place in a listing: how far into which page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The directory's cursor; `None` for its first page.
    pub(crate) page: Option<Cursor>,
    /// How many rows of that page have been handed out.
    pub(crate) skip: usize,
}

/// Seals places, for one caller and one query each.
pub(crate) struct CursorSeal(RandomizedNonceKey);

impl CursorSeal {
    /// With this key, or with one of its own; `None` if that can't be made.
    pub(crate) fn new(key: Option<[u8; 32]>) -> Option<Self> {
        let key = match key {
            Some(key) => key,
            None => {
                let mut key = [0; 32];
                rand::fill(&mut key).ok()?;
                key
            }
        };
        RandomizedNonceKey::new(&AES_256_GCM, &key).ok().map(Self)
    }

    /// The cursor for a place, which only whoever gives the same `binding` can use; `None` if it gets too long.
    pub(crate) fn seal(&self, place: &Place, binding: &str) -> Option<String> {
        let mut sealed = place.skip.to_string().into_bytes();
        if let Some(page) = &place.page {
            sealed.push(b' ');
            sealed.extend_from_slice(page.as_str().as_bytes());
        }
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(binding), &mut sealed);
        sealed.extend_from_slice(nonce.ok()?.as_ref());
        let text = BASE64_URL_SAFE_NO_PAD.encode(sealed);
        (text.len() <= MAX_LENGTH).then_some(text)
    }

    /// The place that a cursor leads to; `None` if it wasn't given for this `binding`.
    pub(crate) fn open(&self, text: &str, binding: &str) -> Option<Place> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let nonce = sealed.split_off(sealed.len().checked_sub(NONCE_LEN)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::from(binding), &mut sealed);
        let opened = str::from_utf8(opened.ok()?).ok()?;
        let (skip, page) = match opened.split_once(' ') {
            Some((skip, page)) => (skip, Some(Cursor::new(page.to_owned()))),
            None => (opened, None),
        };
        let skip = skip.parse().ok()?;
        Some(Place { page, skip })
    }
}

/// Leaves the key out.
impl fmt::Debug for CursorSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorSeal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "2 77 https://graph.example/v1.0/list?$skiptoken=a b";

    fn place() -> Place {
        Place {
            page: Some(Cursor::new(LINK.to_owned())),
            skip: 3,
        }
    }

    #[test]
    fn what_was_sealed_comes_out_for_the_same_caller_and_query_alone() {
        let seal = CursorSeal::new(None).unwrap();
        for place in [
            place(),
            Place {
                page: None,
                skip: 25,
            },
        ] {
            let text = seal.seal(&place, "adele").unwrap();
            assert_eq!(seal.open(&text, "adele"), Some(place));
            assert_eq!(seal.open(&text, "megan"), None);
            assert_eq!(CursorSeal::new(None).unwrap().open(&text, "adele"), None);
        }
    }

    #[test]
    fn replicas_with_one_key_read_each_other() {
        let [one, other] = [(); 2].map(|()| CursorSeal::new(Some([7; 32])).unwrap());
        let text = one.seal(&place(), "adele").unwrap();
        assert_eq!(other.open(&text, "adele"), Some(place()));
    }

    #[test]
    fn a_cursor_shows_nothing_and_no_byte_of_it_can_be_changed() {
        let seal = CursorSeal::new(None).unwrap();
        let text = seal.seal(&place(), "adele").unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        assert!(!bytes.windows(5).any(|window| window == b"graph"));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = BASE64_URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(seal.open(&changed, "adele"), None, "{at}");
        }
        for text in ["", "AAAA", "not base64!", &"A".repeat(MAX_LENGTH + 1)] {
            assert_eq!(seal.open(text, "adele"), None);
        }
    }

    #[test]
    fn one_that_gets_too_long_is_not_given() {
        let seal = CursorSeal::new(None).unwrap();
        let page = Some(Cursor::new("x".repeat(MAX_LENGTH)));
        assert_eq!(seal.seal(&Place { page, skip: 0 }, "adele"), None);
    }
}
