//! The thread that looks: it owns OpenCV and one core.
