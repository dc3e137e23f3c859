//! What people read of a histogram: percentiles and rates.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::histogram::Distribution;

/// Rates are never taken over less: the first results of a camera would make huge ones.
const SHORTEST_SPAN: Duration = Duration::from_secs(1);

/// Percentiles of ages, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Percentiles {
    /// Half of the results are at most this old.
    pub p50: f64,
    /// 95 of 100 results are at most this old.
    pub p95: f64,
    /// 99 of 100 results are at most this old.
    pub p99: f64,
}

impl Percentiles {
    /// Those of `ages`; `None` if there are none.
    #[must_use]
    pub fn of(ages: &Distribution) -> Option<Self> {
        let millis = |share| ages.quantile(share).map(|age| (age.as_secs_f64() * 1e6).round() / 1e3);
        Some(Self { p50: millis(0.5)?, p95: millis(0.95)?, p99: millis(0.99)? })
    }
}

/// So many a second, to a tenth.
#[expect(clippy::cast_precision_loss, reason = "rounded to a tenth anyway")]
#[must_use]
pub fn rate(count: u64, span: Duration) -> f64 {
    (count as f64 / span.max(SHORTEST_SPAN).as_secs_f64() * 10.0).round() / 10.0
}
