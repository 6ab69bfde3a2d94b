//! What the verifier says of published records, held against what a replay gives.

#![allow(clippy::unwrap_used)]

use daybook_report::verify::{Invariant, Outcome, Read, Verifier};
use daybook_wire::output::hash;
use daybook_wire::topic::Topic::{self, AccountsBalances, LedgerEntries, RewardsPoints};
use serde_json::{Value, json};

/// Topic, key and value.
type Record = (Topic, String, Vec<u8>);

/// Entries of a project, chained. They move nothing: what is not under test stays out of the way.
fn entries(project: &str, count: u64) -> Vec<Record> {
    let mut previous_hash = "0".repeat(64);
    let entry = |number: u64| {
        let value = bytes(&json!({
            "project_id": project, "entry_number": number, "previous_hash": previous_hash,
            "event_id": format!("e{number}"), "event_line": 0, "kind": "noted", "corrects": null,
            "economic_day": "2026-03-14", "currency": "USD", "minor_digits": 2, "postings": [],
        }));
        previous_hash = hash(&value).iter().map(|byte| format!("{byte:02x}")).collect();
        (LedgerEntries, project.to_owned(), value)
    };
    (1..=count).map(entry).collect()
}

/// Points of a user.
fn points(project: &str, user: &str, count: u64) -> Vec<Record> {
    let change = |number: u64| {
        let value = json!({"project_id": project, "user_id": user, "event_id": format!("e{number}")});
        (RewardsPoints, format!("{project}/{user}"), bytes(&value))
    };
    (1..=count).map(change).collect()
}

fn balance(organization: &str, currency: &str, minor: i64) -> Record {
    let value = json!({
        "project_id": "acme", "organization": organization, "account": "Assets", "currency": currency,
        "balance_minor": minor,
    });
    (AccountsBalances, format!("acme/{organization}/Assets/{currency}"), bytes(&value))
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// Two projects and three users, one key after the other.
fn books() -> Vec<Record> {
    let users = [points("acme", "ann", 3), points("acme", "b/o/b", 2), points("beta", "ann", 1)];
    [entries("acme", 4), entries("beta", 3)].into_iter().chain(users).flatten().collect()
}

/// Where a record of a key, numbered from 1, stands in [`books`].
fn index(topic: Topic, key: &str, number: usize) -> usize {
    let books = books();
    let mut of_key = (0..books.len()).filter(|at| books[*at].0 == topic && books[*at].1 == key);
    of_key.nth(number - 1).unwrap()
}

fn publish(verifier: &mut Verifier, (topic, key, value): &Record) {
    match topic {
        LedgerEntries => verifier.entry(key.as_bytes(), value),
        RewardsPoints => verifier.points(key.as_bytes(), value),
        _ => verifier.row(*topic, key.as_bytes(), value),
    }
}

fn verify(published: &[Record], replayed: &[Record], read: Read) -> Outcome {
    let mut verifier = Verifier::default();
    for record in published {
        publish(&mut verifier, record);
    }
    verifier.end_of_published(&Topic::PROJECTED);
    for (topic, key, value) in replayed {
        verifier.replayed(*topic, key.as_bytes(), value);
    }
    verifier.conclude(read)
}

fn shown(outcome: &Outcome, invariant: Invariant) -> Vec<String> {
    let checked = outcome.invariants.iter().find(|checked| checked.invariant == invariant).unwrap();
    assert_eq!(checked.violations, checked.shown.len() as u64);
    checked.shown.clone()
}

/// What is wrong with published records of invariant 6, if [`books`] is what the replay gives.
#[track_caller]
fn check(published: &[Record], expected: &[&str]) {
    let outcome = verify(published, &books(), Read::default());
    assert_eq!(shown(&outcome, Invariant::ReplayEqual), expected);
}

#[test]
fn keys_may_come_in_any_interleaving() {
    // All first records, the keys backwards, then all second ones, and so on.
    let mut interleaved: Vec<(usize, Record)> = Vec::new();
    for record in books() {
        let of_key = interleaved.iter().filter(|(_, other)| (other.0, &other.1) == (record.0, &record.1));
        interleaved.push((of_key.count(), record));
    }
    interleaved.reverse();
    interleaved.sort_by_key(|(number, _)| *number);
    let interleaved: Vec<Record> = interleaved.into_iter().map(|(_, record)| record).collect();
    assert_eq!(&interleaved[0].1, "beta/ann");
    let read = Read { events: Some(7), accepted: 7, clearings: 0, accepted_in_all: 7, ..Read::default() };
    for (published, replayed) in [(&interleaved, &books()), (&books(), &interleaved)] {
        let outcome = verify(published, replayed, read);
        assert!(outcome.holds(), "{outcome:?}");
        assert_eq!(outcome.entries, 7);
    }
}

#[test]
fn a_record_that_is_not_published_is_named() {
    let mut published = books();
    published.remove(index(RewardsPoints, "beta/ann", 1));
    published.remove(index(RewardsPoints, "acme/ann", 3));
    published.remove(index(LedgerEntries, "beta", 3));
    let expected = [
        "ledger.entries: record 3 of beta is not published, but the replay gives it",
        "rewards.points: record 3 of acme/ann is not published, but the replay gives it",
        "rewards.points: record 1 of beta/ann is not published, but the replay gives it",
    ];
    check(&published, &expected);
}

#[test]
fn a_record_that_the_replay_does_not_give_is_named() {
    let published = [books(), points("beta", "ann", 2), points("beta", "zoe", 1)].concat();
    let expected = [
        "rewards.points: record 2 of beta/ann is published, but the replay does not give it",
        "rewards.points: record 3 of beta/ann is published, but the replay does not give it",
        "rewards.points: record 1 of beta/zoe is published, but the replay does not give it",
    ];
    check(&published, &expected);
}

#[test]
fn records_swapped_within_a_key_are_named() {
    let mut published = books();
    published.swap(index(RewardsPoints, "acme/ann", 1), index(RewardsPoints, "acme/ann", 2));
    published.swap(index(LedgerEntries, "acme", 3), index(LedgerEntries, "acme", 4));
    let expected = [
        "ledger.entries: record 3 of acme is not what the replay gives",
        "ledger.entries: record 4 of acme is not what the replay gives",
        "rewards.points: record 1 of acme/ann is not what the replay gives",
        "rewards.points: record 2 of acme/ann is not what the replay gives",
    ];
    check(&published, &expected);
}

#[test]
fn a_record_under_another_key_is_named_even_where_the_replay_agrees() {
    let mut wrong = books();
    wrong[index(LedgerEntries, "acme", 4)].1 = "beta".to_owned();
    wrong[index(RewardsPoints, "acme/b/o/b", 2)].1 = "acme/bob".to_owned();
    let expected = [
        "ledger.entries: entry 4 of acme has the key beta",
        "rewards.points: points of acme/b/o/b have the key acme/bob",
    ];
    assert_eq!(shown(&verify(&wrong, &wrong, Read::default()), Invariant::ReplayEqual), expected);
}

#[test]
fn a_record_that_can_t_be_read_is_named() {
    let damaged =
        [(LedgerEntries, "acme".to_owned(), b"{}".to_vec()), (RewardsPoints, "a/b".to_owned(), vec![1])];
    let outcome = verify(&damaged, &damaged, Read::default());
    for (invariant, what) in [
        (Invariant::ChainUnbroken, "an entry can't be read"),
        (Invariant::ReplayEqual, "points can't be read"),
    ] {
        assert!(shown(&outcome, invariant)[0].contains(what), "{outcome:?}");
    }
}

#[test]
fn balances_that_do_not_add_up_are_named_unless_one_is_left_out() {
    let check = |left_out: Option<Record>| {
        let mut verifier = Verifier::default();
        for row in [balance("ann", "USD", -5), balance("acme", "USD", 6), balance("ann", "JPY", 1)] {
            publish(&mut verifier, &row);
        }
        if let Some((topic, key, value)) = left_out {
            verifier.row_moved_on(topic, key.as_bytes(), &value);
        }
        verifier.end_of_published(&Topic::PROJECTED);
        shown(&verifier.conclude(Read::default()), Invariant::EntriesBalance)
    };
    let sum = |currency| format!("all balances in {currency} add up to 1 instead of 0");
    assert_eq!(check(None), [sum("JPY"), sum("USD")]);
    assert_eq!(check(Some(balance("bob", "USD", 9))), [sum("JPY")]);
}

#[test]
fn events_that_may_be_under_way_are_said_instead_of_being_violations() {
    let check = |events, may_be_under_way| {
        let read = Read {
            events: Some(events),
            accepted: 4,
            duplicates: 1,
            dead_letters: 2,
            accepted_in_all: 7,
            clearings: 0,
            may_be_under_way,
        };
        let outcome = verify(&books(), &books(), read);
        (outcome.holds(), outcome.invariants.into_iter().find_map(|checked| checked.reservation))
    };
    for may_be_under_way in [false, true] {
        assert_eq!(check(7, may_be_under_way), (true, None));
        assert_eq!(check(6, may_be_under_way), (false, None), "more have ended than were read");
    }
    assert_eq!(check(9, false), (false, None));
    let (holds, reservation) = check(9, true);
    assert!(
        holds && reservation.as_ref().is_some_and(|why| why.contains("2 of 9 events")),
        "{reservation:?}"
    );
}
