//! Records that were refused, by reason.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::views::{DeadLettersView, ReasonCount};
use crate::extract::is_name;

const LETTERS_KEPT_MAX: usize = 50;
/// Reasons are ours and few; a foreign record on the topic must not make them many.
const REASONS_MAX: usize = 64;
const REASON_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 512;
const REASON_OTHER: &str = "other";

/// One refused record: why, where in it, and where it lies.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeadLetter {
    pub(super) reason: String,
    path: Option<String>,
    /// When it was refused, where the record says so.
    time: Option<String>,
    topic: Option<String>,
    partition: Option<String>,
    offset: Option<String>,
    /// Order of arrival here.
    #[serde(skip)]
    pub(super) arrival: u64,
}

impl DeadLetter {
    /// The project it names, if it names one, and the letter. Nothing is read from its value: it
    /// is there because it can't be relied on.
    pub(super) fn from_headers(headers: &[(String, Vec<u8>)]) -> (Option<String>, Self) {
        // The last one counts: a refused record keeps the headers that its sender gave it, and
        // ours come after them.
        let header = |name: &str| {
            let (_, value) = headers.iter().rev().find(|(key, _)| key == name)?;
            let text = std::str::from_utf8(value).ok()?;
            (text.len() <= TEXT_BYTES_MAX).then(|| text.to_owned())
        };
        let project =
            header("daybook-project").filter(|name| is_name(name.strip_suffix("~test").unwrap_or(name)));
        let reason = header("daybook-reason").filter(|reason| {
            (1..=REASON_BYTES_MAX).contains(&reason.len())
                && reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
        let letter = Self {
            reason: reason.unwrap_or_else(|| REASON_OTHER.to_owned()),
            path: header("daybook-path"),
            time: header("daybook-time"),
            topic: header("__streams.errors.topic"),
            partition: header("__streams.errors.partition"),
            offset: header("__streams.errors.offset"),
            arrival: 0,
        };
        (project, letter)
    }
}

/// All dead letters of one project, or of none.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    by_reason: BTreeMap<String, u64>,
    latest: VecDeque<DeadLetter>,
}

impl DeadLetters {
    pub(super) fn push(&mut self, letter: DeadLetter) {
        let known = self.by_reason.contains_key(&letter.reason);
        let reason = if known || self.by_reason.len() < REASONS_MAX {
            letter.reason.clone()
        } else {
            REASON_OTHER.to_owned()
        };
        *self.by_reason.entry(reason).or_default() += 1;
        self.latest.truncate(LETTERS_KEPT_MAX - 1);
        self.latest.push_front(letter);
    }

    pub(super) fn total(&self) -> u64 {
        self.by_reason.values().sum()
    }

    /// Several of them as one: counts added up, the newest letters newest first.
    pub(super) fn view<'a>(all: impl IntoIterator<Item = &'a Self>) -> DeadLettersView {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut latest: Vec<DeadLetter> = Vec::new();
        for letters in all {
            for (reason, count) in &letters.by_reason {
                *counts.entry(reason.clone()).or_default() += count;
            }
            latest.extend(letters.latest.iter().cloned());
        }
        latest.sort_by_key(|letter| std::cmp::Reverse(letter.arrival));
        latest.truncate(LETTERS_KEPT_MAX);
        DeadLettersView {
            total: counts.values().sum(),
            by_reason: counts.into_iter().map(|(reason, count)| ReasonCount { reason, count }).collect(),
            latest,
        }
    }
}
