"""Motion as the Python programs of this folder look for it: what differs from a running average."""

import cv2
import numpy


class Motion:
    """Of one camera."""

    def __init__(self):
        self.background = None

    def boxes(self, gray, scale):
        """Boxes around what differs from the background, in pixels of the whole picture, which is `scale` times as wide."""
        gray = cv2.GaussianBlur(gray, (5, 5), 0)
        if self.background is None or self.background.shape != gray.shape:
            self.background = gray.astype(numpy.float32)
        changed = cv2.absdiff(gray, cv2.convertScaleAbs(self.background))
        cv2.accumulateWeighted(gray, self.background, 0.05)
        _, changed = cv2.threshold(changed, 25, 255, cv2.THRESH_BINARY)
        changed = cv2.dilate(changed, None, iterations=2)
        contours, _ = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        least = 0.001 * gray.size
        boxes = [cv2.boundingRect(contour) for contour in contours if cv2.contourArea(contour) >= least]
        return [[scale * number for number in box] for box in boxes]
