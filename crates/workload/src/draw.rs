//! Pseudo-random draws that depend on nothing but where they start.

/// What draws are for. Each purpose has a stream of its own, so that drawing one thing more or
/// less for one purpose changes nothing else in the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Class = 1,
    Target,
    Shape,
    Project,
    Charge,
    Amount,
    Payment,
    Refund,
    EventId,
    When,
    Again,
    Change,
}

/// A stream of draws (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Draws {
    pub(crate) fn new(seed: u64, index: u64, item: u64, purpose: Purpose) -> Self {
        let place = scramble((item << 8) ^ purpose as u64);
        Self(scramble(seed ^ scramble(index.wrapping_mul(STEP) ^ place)))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        scramble(self.0)
    }

    /// 0 to `bound` - 1; 0 where the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    /// True once in `times` draws.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of an array's values; a value that stands there twice comes twice as often.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, from: &[T; N]) -> T {
        let at = usize::try_from(self.number()).unwrap_or(usize::MAX) % N;
        from[at]
    }
}

fn scramble(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
