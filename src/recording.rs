//! Recorded frames: JPEG files, folders, MJPEG and AVI-MJPEG files.
