//! Sources feed cameras. A source makes frames and publishes them; it does not know the processor.

mod buffers;
pub mod image_header;
#[cfg(feature = "v4l2")]
pub mod v4l2;
#[cfg(not(feature = "v4l2"))]
#[path = "source/no_v4l2.rs"]
pub mod v4l2;
pub mod websocket;
