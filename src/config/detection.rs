//! How the switch of a camera's detection stands at the start.

/// Whether a camera's stages look at its frames when fovea starts. Clients can switch that while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detection {
    /// They do.
    #[default]
    On,
    /// They do not.
    Off,
    /// As it was when fovea ended.
    Last,
}
