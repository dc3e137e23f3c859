//! The slot's lock and event. The model test gives the slot another `sync`, made of loom's.

pub(crate) use parking_lot::{Condvar, Mutex};
