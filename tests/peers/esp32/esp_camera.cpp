#include "esp_camera.h"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "board.hpp"
#include "esp_timer.h"

static bool isStarted = false, isLent = false;
static size_t next = 0;
static std::string picture;
static camera_fb_t frame;

esp_err_t esp_camera_init(const camera_config_t *config) {
  isStarted = config->pixel_format == PIXFORMAT_JPEG && config->grab_mode == CAMERA_GRAB_LATEST && config->fb_count > 1;
  return isStarted ? ESP_OK : ESP_FAIL;
}

camera_fb_t *esp_camera_fb_get(void) {
  if (!isStarted) fail("the camera does not run");
  if (isLent) fail("the last frame was not returned");
  if (next == board.pictures.size()) {
    fflush(nullptr);
    _exit(0); // at once: other threads may still run
  }
  std::ifstream file(board.pictures[next++], std::ios::binary);
  picture.assign(std::istreambuf_iterator<char>(file), {});
  if (picture.empty()) fail("no picture " + board.pictures[next - 1]);
  const int64_t now = esp_timer_get_time();
  frame.buf = reinterpret_cast<uint8_t *>(&picture[0]);
  frame.len = picture.size();
  frame.format = PIXFORMAT_JPEG;
  frame.timestamp.tv_sec = now / 1000000;
  frame.timestamp.tv_usec = now % 1000000;
  isLent = true;
  return &frame;
}

void esp_camera_fb_return(camera_fb_t *returned) {
  if (!isLent || returned != &frame) fail("this frame was not lent");
  isLent = false;
}
