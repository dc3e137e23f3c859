//! Memory for pixels, used again, and given back when it was for one large frame only.

/// Frames after which it is looked whether the memory is still needed.
const WINDOW: u32 = 64;

/// Memory that is not worth giving back.
const SMALL_BYTES: usize = 1 << 20;

/// Buffers that are not in use.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    spare: Vec<Vec<u8>>,
    in_use_bytes: usize,
    usage: Usage,
}

/// How much of a memory is needed, over the last frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    frames: u32,
    frame_bytes: usize,
    most_bytes: usize,
}

impl Buffers {
    /// A buffer of so many bytes, with whatever is in them.
    pub(super) fn take(&mut self, bytes: usize) -> Vec<u8> {
        self.in_use_bytes += bytes;
        self.usage.needs(self.in_use_bytes);
        let fits = |buffer: &&Vec<u8>| buffer.capacity() >= bytes;
        let smallest = self.spare.iter().filter(fits).map(Vec::capacity).min();
        let found = smallest.and_then(|capacity| self.spare.iter().position(|buffer| buffer.capacity() == capacity));
        let mut buffer = found.map_or_else(Vec::new, |index| self.spare.swap_remove(index));
        buffer.resize(bytes, 0);
        buffer
    }

    /// Takes a buffer back.
    pub(super) fn put(&mut self, buffer: Vec<u8>) {
        self.in_use_bytes = self.in_use_bytes.saturating_sub(buffer.len());
        self.spare.push(buffer);
    }

    /// To be called after each frame.
    pub(super) fn trim(&mut self) {
        let have = self.spare.iter().map(Vec::capacity).sum();
        if self.usage.is_too_much(have).is_some() {
            self.spare = Vec::new();
        }
    }
}

impl Usage {
    /// A frame needs so many bytes.
    pub(super) fn needs(&mut self, bytes: usize) {
        self.frame_bytes = self.frame_bytes.max(bytes);
    }

    /// Ends a frame. If `have` is far more than what was needed lately, what was.
    pub(super) fn is_too_much(&mut self, have: usize) -> Option<usize> {
        self.most_bytes = self.most_bytes.max(std::mem::take(&mut self.frame_bytes));
        self.frames += 1;
        if self.frames < WINDOW {
            return None;
        }
        self.frames = 0;
        let needed = std::mem::take(&mut self.most_bytes);
        (have > SMALL_BYTES && have / 4 > needed).then_some(needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(buffers: &Buffers) -> usize {
        buffers.spare.iter().map(Vec::capacity).sum()
    }

    #[test]
    fn a_buffer_is_used_again() {
        let mut buffers = Buffers::default();
        let buffer = buffers.take(1000);
        let start = buffer.as_ptr();
        buffers.put(buffer);
        let again = buffers.take(900);
        assert_eq!(again.as_ptr(), start);
    }

    #[test]
    fn one_large_frame_does_not_keep_its_memory_for_ever() {
        let mut buffers = Buffers::default();
        let mut frame = |bytes| {
            let buffer = buffers.take(bytes);
            buffers.put(buffer);
            buffers.trim();
            capacity(&buffers)
        };
        assert!(frame(50 << 20) >= 50 << 20);
        let after: Vec<_> = (0..2 * WINDOW).map(|_| frame(100_000)).collect();
        assert!(after[after.len() - 1] < 2 << 20, "{after:?}");
        let usual: Vec<_> = (0..2 * WINDOW).map(|n| frame(if n % 10 == 0 { 8 << 20 } else { 100_000 })).collect();
        assert!(usual[20..].iter().all(|&bytes| bytes >= 8 << 20), "what is needed now and then is kept");
    }
}
