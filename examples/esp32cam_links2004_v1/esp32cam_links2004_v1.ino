// A camera on an ESP32-CAM (AI-Thinker) that speaks `fovea.v1`, with the library "WebSockets" by Markus Sattler
// (https://github.com/Links2004/arduinoWebSockets). Arduino IDE: board "AI Thinker ESP32-CAM".
//
// Results have the sketch's own frame numbers and capture times. It sends the newest frame when fovea has taken the
// last one. esp32cam_links2004.ino is simpler.
//
// This sketch was written for version 2.7 of the library. It was never tried on a real ESP32. The tests run it on a PC,
// with a stand-in for the library.

#include <WiFi.h>
#include <WebSocketsClient.h>
#include <esp_camera.h>
#include <esp_timer.h>

const char *WIFI_NAME = "NETWORK", *WIFI_PASSWORD = "PASSWORD";
const char *HOST = "192.168.1.20"; // the board that runs fovea
const char *PATH = "/frames/door";
const char *TOKEN = "";       // what `fovea token add` printed, if fovea has tokens
const char *CERTIFICATE = ""; // the board's, in PEM, for TLS: docs/tls.md. HOST must then be a name in it: "fovea.local"
const unsigned long PATIENCE_MS = 5000; // without an answer to a frame, the next one follows after this time

// What stands before each picture: docs/protocol.md. An ESP32 is little-endian, as the header is.
struct Header {
  char magic[4] = {'F', 'V', 'E', 'A'};
  uint8_t version = 1, format = 1; // JPEG
  uint16_t headerBytes = 40;
  uint32_t width = 0, height = 0, stride = 0, reserved = 0; // a JPEG states its own size
  uint64_t seq = 0, capturedUs = 0;
};
static_assert(sizeof(Header) == 40, "the header has no gaps");

// Sends a header and a picture as two fragments of one message: nobody copies the picture.
class Sender : public WebSocketsClient {
public:
  bool sendMessage(Header &header, camera_fb_t *frame) {
    return sendFrame(&_client, WSop_binary, (uint8_t *)&header, sizeof header, false) &&
           sendFrame(&_client, WSop_continuation, frame->buf, frame->len, true);
  }
};

Sender fovea;
size_t maxMessageBytes = 0; // as fovea's "hello" says; 0: not connected
uint64_t seq = 0;           // of the last frame that was sent
bool isWaiting = false;     // for the answer to it
unsigned long sentAt = 0;

// The number after a key of a message. fovea writes its messages without spaces.
unsigned long long number(const char *message, const char *key) {
  const char *at = strstr(message, key);
  return at ? strtoull(at + strlen(key), nullptr, 10) : 0;
}

void onEvent(WStype_t type, uint8_t *payload, size_t) {
  if (type == WStype_DISCONNECTED) maxMessageBytes = 0;
  if (type != WStype_TEXT || !payload) return;
  const char *message = (const char *)payload;
  if (strstr(message, "\"type\":\"hello\"")) {
    maxMessageBytes = number(message, "\"max_message_bytes\":");
    isWaiting = false;
  } else if (strstr(message, "\"type\":\"clock\"")) { // an answer at once: a delay makes capture times inexact
    char answer[100];
    snprintf(answer, sizeof answer, "{\"type\":\"clock\",\"server_us\":%llu,\"sender_us\":%lld}",
             number(message, "\"server_us\":"), (long long)esp_timer_get_time());
    fovea.sendTXT(answer);
  } else if (number(message, "\"seq\":") == seq) { // "taken" or "refused"
    isWaiting = false;
  }
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
  fovea.onEvent(onEvent);
  if (*CERTIFICATE) {
    fovea.beginSslWithCA(HOST, 8999, PATH, CERTIFICATE, "fovea.v1");
  } else {
    fovea.begin(HOST, 8999, PATH, "fovea.v1");
  }
  if (*TOKEN) fovea.setExtraHeaders((String("Authorization: Bearer ") + TOKEN).c_str());
  fovea.setReconnectInterval(2000);
}

void loop() {
  fovea.loop(); // connects again, answers pings, calls onEvent
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
    if (!fovea.sendMessage(header, frame)) fovea.disconnect(); // a part of a message cannot be taken back
  }
  esp_camera_fb_return(frame);
}
