//! An id is the same in every form, and none of its bytes changes place.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{
    collections::HashSet,
    fmt::{Debug, Display},
    hash::Hash,
    str::FromStr,
};

use intune_core::{
    ComplianceState, EntraDeviceId, ManagedDeviceId, ParseIdError, UnrecognizedState, UserId,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

const TEXT: &str = "00112233-4455-6677-8899-aabbccddeeff";
const BITS: u128 = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;

/// The text of a GUID as its definition has it: the digits of the number, in groups of 8, 4, 4, 4 and 12.
fn text(bits: u128) -> String {
    let digits = format!("{bits:032x}");
    let (mut text, mut rest) = (String::new(), digits.as_str());
    for group in [8, 4, 4, 4, 12] {
        let (head, tail) = rest.split_at(group);
        text.push_str(if text.is_empty() { "" } else { "-" });
        text.push_str(head);
        rest = tail;
    }
    text
}

/// Numbers that differ in one place only, as well as any.
fn bits() -> impl Strategy<Value = u128> {
    prop_oneof![
        any::<u128>(),
        (0..128_u32).prop_map(|bit| 1 << bit),
        (0..128_u32).prop_map(|bit| u128::MAX ^ 1 << bit),
        (0..128_u32).prop_map(|bit| BITS ^ 1 << bit),
    ]
    .prop_filter("an id is never zero", |bits| *bits != 0)
}

trait Id:
    Copy + Debug + Display + Ord + Hash + FromStr<Err = ParseIdError> + Serialize + DeserializeOwned
{
    fn to_bits(self) -> u128;
    fn from_bits(bits: u128) -> Option<Self>;
}

macro_rules! ids {
    ($($name:ident)*) => {$(
        impl Id for $name {
            fn to_bits(self) -> u128 {
                $name::to_bits(self)
            }
            fn from_bits(bits: u128) -> Option<Self> {
                $name::from_bits(bits)
            }
        }
    )*};
}

ids!(EntraDeviceId ManagedDeviceId UserId);

fn is_the_same_in_every_form<T: Id>(bits: u128) {
    let id = T::from_bits(bits).unwrap();
    let text = text(bits);
    assert_eq!(id.to_bits(), bits);
    assert_eq!(id.to_string(), text);
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(text.to_uppercase().parse(), Ok(id));
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), id);
    assert!(format!("{id:?}").ends_with(&format!("({text})")));
}

fn is_in_the_order_of_the_texts<T: Id>(one: u128, other: u128) {
    let [one, other] = [one, other].map(|bits| T::from_bits(bits).unwrap());
    let (text, other_text) = (one.to_string(), other.to_string());
    assert_eq!(one.cmp(&other), text.cmp(&other_text));
    assert_eq!(one == other, text == other_text);
    let distinct = usize::from(text != other_text) + 1;
    assert_eq!(HashSet::from([one, other]).len(), distinct);
}

fn is_never_zero<T: Id>() {
    assert_eq!(T::from_bits(0), None);
    assert!(text(0).parse::<T>().is_err());
    assert!(serde_json::from_str::<T>(&format!("\"{}\"", text(0))).is_err());
    assert_eq!(size_of::<Option<T>>(), 16);
}

#[test]
fn each_byte_is_in_its_place() {
    assert_eq!(text(BITS), TEXT);
    is_the_same_in_every_form::<EntraDeviceId>(BITS);
    is_the_same_in_every_form::<ManagedDeviceId>(BITS);
    is_the_same_in_every_form::<UserId>(BITS);
}

#[test]
fn no_id_is_zero() {
    is_never_zero::<EntraDeviceId>();
    is_never_zero::<ManagedDeviceId>();
    is_never_zero::<UserId>();
}

fn kept(name: &str) -> UnrecognizedState {
    match ComplianceState::from_wire(name) {
        ComplianceState::Unrecognized(kept) => kept,
        known => panic!("{known} is known"),
    }
}

#[test]
fn sixteen_bytes_of_an_unknown_state_are_kept() {
    for (name, as_str) in [
        ("", ""),
        ("x", "x"),
        ("fifteen-bytes-x", "fifteen-bytes-x"),
        ("sixteen-bytes-xx", "sixteen-bytes-xx"),
        ("seventeen-bytes-x", "seventeen-bytes-"),
        ("compliant\0", "compliant?"),
        ("a b\u{e9}", "a?b??"),
    ] {
        assert_eq!(kept(name).as_str(), as_str, "{name:?}");
        assert_eq!(ComplianceState::from_wire(name).to_string(), as_str);
    }
    assert_ne!(kept("x"), kept("xx"));
    // What begins with the name of a known state isn't that.
    assert_eq!(kept("inGracePeriodMore").as_str(), "inGracePeriodMor");
}

proptest! {
    #[test]
    fn ids_are_the_same_in_every_form(bits in bits()) {
        is_the_same_in_every_form::<EntraDeviceId>(bits);
        is_the_same_in_every_form::<ManagedDeviceId>(bits);
        is_the_same_in_every_form::<UserId>(bits);
    }

    #[test]
    fn ids_are_in_the_order_of_their_texts(one in bits(), other in bits()) {
        is_in_the_order_of_the_texts::<EntraDeviceId>(one, other);
        is_in_the_order_of_the_texts::<ManagedDeviceId>(one, other);
        is_in_the_order_of_the_texts::<UserId>(one, other);
    }
}
