//! What is counted and timed, and log lines that a peer cannot flood. Every other part may write here; nothing here knows
//! who reads.

pub mod camera_metrics;
pub mod connection_metrics;
pub mod histogram;
pub mod log_limiter;
pub mod model_metrics;
pub mod output_metrics;
pub mod percentiles;
pub mod processor_metrics;
pub mod rejections;
