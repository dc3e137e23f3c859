// A camera on an ESP32-CAM (AI-Thinker) that speaks `fovea.v1`, with the library "ArduinoWebsockets" by Gil Maimon
// (https://github.com/gilmaimon/ArduinoWebsockets). Arduino IDE: board "AI Thinker ESP32-CAM".
//
// Results have the sketch's own frame numbers and capture times. It sends the newest frame when fovea has taken the
// last one. esp32cam_gilmaimon.ino is simpler.
//
// This sketch was written for version 0.5 of the library. It was never tried on a real ESP32. The tests run it on a PC,
// with a stand-in for the library.

#include <WiFi.h>
#include <ArduinoWebsockets.h>
#include <esp_camera.h>
#include <esp_timer.h>
#include <memory>

const char *WIFI_NAME = "NETWORK", *WIFI_PASSWORD = "PASSWORD";
const char *HOST = "192.168.1.20"; // the board that runs fovea
const char *PATH = "/frames/door";
const unsigned long PATIENCE_MS = 5000; // without an answer to a frame, the next one follows after this time
const size_t PART_BYTES = 4096;         // the library copies what it sends: a part, not the whole picture

// What stands before each picture: docs/protocol.md. An ESP32 is little-endian, as the header is.
struct Header {
  char magic[4] = {'F', 'V', 'E', 'A'};
  uint8_t version = 1, format = 1; // JPEG
  uint16_t headerBytes = 40;
  uint32_t width = 0, height = 0, stride = 0, reserved = 0; // a JPEG states its own size
  uint64_t seq = 0, capturedUs = 0;
};
static_assert(sizeof(Header) == 40, "the header has no gaps");

std::unique_ptr<websockets::WebsocketsClient> fovea;
size_t maxMessageBytes = 0; // as fovea's "hello" says; 0: not connected
uint64_t seq = 0;           // of the last frame that was sent
bool isWaiting = false;     // for the answer to it
unsigned long sentAt = 0;

// The number after a key of a message. fovea writes its messages without spaces.
unsigned long long number(const char *message, const char *key) {
  const char *at = strstr(message, key);
  return at ? strtoull(at + strlen(key), nullptr, 10) : 0;
}

void onMessage(websockets::WebsocketsMessage received) {
  const char *message = received.c_str();
  if (strstr(message, "\"type\":\"hello\"")) {
    maxMessageBytes = number(message, "\"max_message_bytes\":");
    isWaiting = false;
  } else if (strstr(message, "\"type\":\"clock\"")) { // an answer at once: a delay makes capture times inexact
    char answer[100];
    snprintf(answer, sizeof answer, "{\"type\":\"clock\",\"server_us\":%llu,\"sender_us\":%lld}",
             number(message, "\"server_us\":"), (long long)esp_timer_get_time());
    fovea->send(answer);
  } else if (number(message, "\"seq\":") == seq) { // "taken" or "refused"
    isWaiting = false;
  }
}

// With a new client each time, because one that lost its connection in a message stays in that message.
void connectToFovea() {
  maxMessageBytes = 0;
  fovea.reset(new websockets::WebsocketsClient());
  fovea->addHeader("Sec-WebSocket-Protocol", "fovea.v1");
  fovea->onMessage(onMessage);
  fovea->connect(HOST, 8999, PATH);
}

// Sends a header and a picture as fragments of one message.
bool sendMessage(const Header &header, const camera_fb_t *frame) {
  bool isSent = fovea->streamBinary() && fovea->sendBinary((const char *)&header, sizeof header);
  for (size_t at = 0; isSent && at < frame->len; at += PART_BYTES) {
    isSent = fovea->sendBinary((const char *)frame->buf + at, std::min(PART_BYTES, frame->len - at));
  }
  return isSent && fovea->end();
}

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
  config.fb_count = 2; // with more, CAMERA_GRAB_LATEST gives an older frame
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
  if (!fovea || !fovea->available()) {
    if (fovea) delay(2000); // not at once: another sender may have taken the camera
    return connectToFovea();
  }
  fovea->poll(); // answers pings, calls onMessage
  if (!maxMessageBytes || (isWaiting && millis() - sentAt < PATIENCE_MS)) return;
  camera_fb_t *frame = esp_camera_fb_get();
  if (!frame) return;
  if (sizeof(Header) + frame->len > maxMessageBytes) {
    Serial.println("fovea does not take a picture of so many bytes");
  } else {
    Header header;
    header.seq = ++seq;
    header.capturedUs = frame->timestamp.tv_sec * 1000000ULL + frame->timestamp.tv_usec; // of esp_timer
    isWaiting = true;
    sentAt = millis();
    if (!sendMessage(header, frame)) fovea->close(); // a part of a message cannot be taken back
  }
  esp_camera_fb_return(frame);
}
