// A camera on an ESP32-CAM (AI-Thinker), with the library "ArduinoWebsockets" by Gil Maimon
// (https://github.com/gilmaimon/ArduinoWebsockets). Arduino IDE: board "AI Thinker ESP32-CAM".
//
// esp32cam_gilmaimon_v1.ino sends its own frame numbers and capture times, and the newest frame when fovea has
// taken the last one.
//
// This sketch was written for version 0.5 of the library, which needs no settings for fovea. It was never tried
// on a real ESP32. The tests run it on a PC, with a stand-in for the library.

#include <WiFi.h>
#include <ArduinoWebsockets.h>
#include <esp_camera.h>

const char *WIFI_NAME = "NETWORK", *WIFI_PASSWORD = "PASSWORD";
const char *HOST = "192.168.1.20"; // the board that runs fovea
const char *PATH = "/frames/door";  // a board with tokens: "/frames/door?token=fovea_..."
const unsigned long INTERVAL_MS = 200; // five frames a second

websockets::WebsocketsClient fovea;

bool startCamera() {
  camera_config_t config = {};
  config.pin_pwdn = 32, config.pin_reset = -1, config.pin_xclk = 0;
  config.pin_sccb_sda = 26, config.pin_sccb_scl = 27;
  config.pin_d7 = 35, config.pin_d6 = 34, config.pin_d5 = 39, config.pin_d4 = 36;
  config.pin_d3 = 21, config.pin_d2 = 19, config.pin_d1 = 18, config.pin_d0 = 5;
  config.pin_vsync = 25, config.pin_href = 23, config.pin_pclk = 22;
  config.xclk_freq_hz = 20000000;
  config.ledc_timer = LEDC_TIMER_0, config.ledc_channel = LEDC_CHANNEL_0;
  config.pixel_format = PIXFORMAT_JPEG;
  config.frame_size = FRAMESIZE_VGA;
  config.jpeg_quality = 12;
  config.fb_count = 2;
  config.fb_location = CAMERA_FB_IN_PSRAM;
  config.grab_mode = CAMERA_GRAB_LATEST;
  return esp_camera_init(&config) == ESP_OK;
}

void setup() {
  Serial.begin(115200);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  while (WiFi.status() != WL_CONNECTED) delay(100);
  if (!startCamera()) Serial.println("the camera does not start");
}

void loop() {
  if (!fovea.available()) {
    delay(2000); // not at once: another sender may have taken the camera
    fovea.connect(HOST, 8999, PATH);
    return;
  }
  fovea.poll(); // answers pings
  static unsigned long sentAt = 0;
  if (millis() - sentAt < INTERVAL_MS) return;
  sentAt = millis();
  camera_fb_t *frame = esp_camera_fb_get();
  if (!frame) return;
  fovea.sendBinary((const char *)frame->buf, frame->len); // one binary message is one JPEG
  esp_camera_fb_return(frame);
}
