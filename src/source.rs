//! What feeds cameras. A source makes frames and publishes them; it knows nothing of who looks at them.

mod buffers;
pub mod picture_head;
pub mod websocket;
