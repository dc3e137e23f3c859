//! The thread that looks: it owns OpenCV and one core.
//!
//! A frame becomes a `picture`, whose views the stages of its camera look at. Only here are OpenCV's types named.

pub mod decoder;
pub mod events;
pub mod motion;
pub mod picture;
pub mod pixels;
pub mod scale;
