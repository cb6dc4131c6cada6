//! What the crate promises about ages, texts and sleeping.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use clock::{Clock, ManualClock, Moment, Monotonic, SystemClock, Timestamp};
use proptest::prelude::*;

fn start() -> Timestamp {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

#[test]
fn suspend_ages_by_the_wall_clock() {
    let clock = ManualClock::new(start());
    let before = clock.now();
    clock.suspend(Duration::from_secs(900));
    assert_eq!(clock.now().since(before), Duration::from_secs(900));
}

#[test]
fn setting_the_wall_clock_back_does_not_make_evidence_younger() {
    let clock = ManualClock::new(start());
    let before = clock.now();
    clock.advance(Duration::from_secs(60));
    clock.set_wall("2020-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(clock.now().since(before), Duration::from_secs(60));
}

#[test]
fn a_sleep_ends_when_its_time_has_come_and_not_before() {
    let clock = ManualClock::new(start());
    let mut sleep = clock.sleep(Duration::from_secs(10));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(clock.sleepers(), 1);
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(sleep.as_mut().poll(&mut context), Poll::Pending);
    clock.advance(Duration::from_millis(1));
    assert_eq!(sleep.as_mut().poll(&mut context), Poll::Ready(()));
}

#[test]
fn an_abandoned_sleep_leaves_nothing_behind() {
    let clock = ManualClock::new(start());
    let mut sleep = clock.sleep(Duration::from_secs(10));
    let _ = sleep.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop(sleep);
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test]
async fn the_system_clock_goes_forward_and_wakes() {
    let clock = SystemClock::new();
    let before = clock.now();
    clock.sleep(Duration::from_millis(1)).await;
    assert!(clock.now().monotonic >= before.monotonic);
    assert!(before.wall > "2025-01-01T00:00:00Z".parse().unwrap());
}

#[test]
fn graph_sentinels_and_offsets_are_read() {
    assert_eq!("0001-01-01T00:00:00Z".parse(), Ok(Timestamp::MIN));
    let never: Timestamp = "9999-12-31T23:59:59Z".parse().unwrap();
    assert_eq!(never.to_string(), "9999-12-31T23:59:59.000Z");
    let beyond: Timestamp = "9999-12-31T23:59:59-08:00".parse().unwrap();
    assert_eq!(beyond, Timestamp::MAX);
}

#[test]
fn an_optional_timestamp_costs_no_more_than_a_timestamp() {
    assert_eq!(size_of::<Option<Timestamp>>(), size_of::<Timestamp>());
}

#[test]
fn what_is_not_a_date_is_an_error() {
    for text in [
        "",
        "yesterday",
        "2026-11-23",
        "2026-13-01T00:00:00Z",
        "2026-11-23T06:00:00",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text:?}");
    }
}

#[test]
fn the_ends_of_time_have_bits_and_zero_is_nobodys() {
    for end in [Timestamp::MIN, Timestamp::MAX] {
        assert_ne!(end.to_bits(), 0);
        assert_eq!(Timestamp::from_bits(end.to_bits()), Some(end));
    }
    assert_eq!(Timestamp::from_bits(0), None);
    assert_eq!(
        Timestamp::from_bits(Timestamp::MAX.to_bits() + 1),
        Some(Timestamp::MAX)
    );
    assert_eq!(Timestamp::from_bits(u64::MAX), Some(Timestamp::MAX));
}

#[test]
fn an_age_beyond_what_nanoseconds_can_tell_is_the_longest() {
    assert_eq!(Timestamp::MAX.nanos_since(Timestamp::MIN), u64::MAX);
    assert_eq!(Timestamp::MIN.nanos_since(Timestamp::MAX), 0);
    // The last millisecond that can be told, and the first that can't.
    let told = Duration::from_millis(u64::MAX / 1_000_000);
    let since = |age| {
        Timestamp::MIN
            .saturating_add(age)
            .nanos_since(Timestamp::MIN)
    };
    assert_eq!(since(told), u64::MAX / 1_000_000 * 1_000_000);
    assert_eq!(since(told + Duration::from_millis(1)), u64::MAX);
}

fn in_nanos(age: Duration) -> u64 {
    u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)
}

fn any_timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        any::<i64>().prop_map(Timestamp::from_unix_millis),
        (Timestamp::MIN.unix_millis()..=Timestamp::MAX.unix_millis())
            .prop_map(Timestamp::from_unix_millis),
        // Near enough for an age to be short.
        (0..100_i64).prop_map(|millis| Timestamp::from_unix_millis(1_800_000_000_000 + millis)),
    ]
}

fn any_moment() -> impl Strategy<Value = Moment> {
    let nanos = prop_oneof![any::<u64>(), 0..1_000_000_000_u64];
    (any_timestamp(), nanos).prop_map(|(wall, nanos)| Moment {
        wall,
        monotonic: Monotonic::from_nanos(nanos),
    })
}

proptest! {
    #[test]
    fn bits_are_the_timestamps_and_in_its_order(one in any_timestamp(), other in any_timestamp()) {
        prop_assert_ne!(one.to_bits(), 0);
        prop_assert_eq!(Timestamp::from_bits(one.to_bits()), Some(one));
        prop_assert_eq!(one.to_bits().cmp(&other.to_bits()), one.cmp(&other));
        prop_assert_eq!(one.cmp(&other), one.unix_millis().cmp(&other.unix_millis()));
    }

    #[test]
    fn any_bits_but_zero_are_a_timestamp_within_the_range(bits in 1..=u64::MAX) {
        let timestamp = Timestamp::from_bits(bits).unwrap();
        prop_assert!((Timestamp::MIN..=Timestamp::MAX).contains(&timestamp));
        prop_assert_eq!(timestamp.to_bits(), bits.min(Timestamp::MAX.to_bits()));
    }

    #[test]
    fn an_age_in_nanoseconds_is_the_age(one in any_moment(), other in any_moment()) {
        prop_assert_eq!(one.nanos_since(other), in_nanos(one.since(other)));
        let (wall, monotonic) = (one.wall, one.monotonic);
        prop_assert_eq!(wall.nanos_since(other.wall), in_nanos(wall.since(other.wall)));
        prop_assert_eq!(monotonic.nanos_since(other.monotonic), in_nanos(monotonic.since(other.monotonic)));
    }

    #[test]
    fn text_and_serde_round_trip(millis in Timestamp::MIN.unix_millis()..=Timestamp::MAX.unix_millis()) {
        let timestamp = Timestamp::from_unix_millis(millis);
        prop_assert_eq!(timestamp.to_string().parse(), Ok(timestamp));
        let json = serde_json::to_string(&timestamp).unwrap();
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), timestamp);
    }

    #[test]
    fn arithmetic_never_leaves_the_range(millis in any::<i64>(), seconds in any::<u64>()) {
        let timestamp = Timestamp::from_unix_millis(millis);
        let duration = Duration::from_secs(seconds);
        for moved in [timestamp.saturating_add(duration), timestamp.saturating_sub(duration)] {
            prop_assert!((Timestamp::MIN..=Timestamp::MAX).contains(&moved));
            prop_assert!(!moved.to_string().is_empty());
        }
    }
}
