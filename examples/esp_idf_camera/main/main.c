// A camera on an ESP32-CAM (AI-Thinker) that speaks `fovea.v1`, for ESP-IDF 5 with Espressif's components
// esp_websocket_client and esp32-camera:
//
//     idf.py set-target esp32
//     idf.py menuconfig        # "fovea camera": Wi-Fi, address of the board, token, TLS
//     idf.py flash monitor
//
// Results have the program's own frame numbers and capture times. It sends the newest frame when fovea has taken the
// last one.
//
// It was never tried on a real ESP32, and never built with ESP-IDF. The tests run it on a PC, with stand-ins for
// ESP-IDF and its components.

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_camera.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_timer.h"
#include "esp_websocket_client.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"
#include "nvs_flash.h"
#include "sdkconfig.h"

#define PATIENCE pdMS_TO_TICKS(5000)  // without an answer to a frame, the next one follows after this time
#define SEND_LIMIT pdMS_TO_TICKS(10000)
#define PART_BYTES 4096  // the component copies what it sends: a part, not the whole picture

static const char *TAG = "fovea camera";

#ifdef CONFIG_CAMERA_FOVEA_TLS
extern const char board_pem[] asm("_binary_board_pem_start");  // main/board.pem, the certificate of the board
#else
#define board_pem NULL
#endif

// What `fovea token add` printed, if the board has tokens.
#define HAS_TOKEN (sizeof CONFIG_CAMERA_FOVEA_TOKEN > 1)
#define TOKEN_HEADER "Authorization: Bearer " CONFIG_CAMERA_FOVEA_TOKEN "\r\n"

// What stands before each picture: docs/protocol.md. An ESP32 is little-endian, as the header is.
typedef struct {
    char magic[4];
    uint8_t version, format;
    uint16_t header_bytes;
    uint32_t width, height, stride, reserved;  // a JPEG states its own size
    uint64_t seq, captured_us;
} header_t;
_Static_assert(sizeof(header_t) == 40, "the header has no gaps");

// What fovea said. The main task sends all messages, so that no answer gets between the fragments of a picture.
typedef struct {
    enum { HELLO, CLOCK, ANSWER, DISCONNECTED } type;
    uint64_t number;  // max_message_bytes, server_us or seq
} message_t;

static QueueHandle_t messages;

static void wifi_event(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    if (id == WIFI_EVENT_STA_START || id == WIFI_EVENT_STA_DISCONNECTED) {
        esp_wifi_connect();
    }
}

static void start_wifi(void)
{
    esp_err_t nvs = nvs_flash_init();
    if (nvs == ESP_ERR_NVS_NO_FREE_PAGES || nvs == ESP_ERR_NVS_NEW_VERSION_FOUND) {  // of another program
        ESP_ERROR_CHECK(nvs_flash_erase());
        nvs = nvs_flash_init();
    }
    ESP_ERROR_CHECK(nvs);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    esp_netif_create_default_wifi_sta();
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    ESP_ERROR_CHECK(esp_wifi_init(&init));
    ESP_ERROR_CHECK(esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, wifi_event, NULL));
    wifi_config_t wifi = {.sta = {.ssid = CONFIG_CAMERA_WIFI_NAME, .password = CONFIG_CAMERA_WIFI_PASSWORD}};
    ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &wifi));
    ESP_ERROR_CHECK(esp_wifi_start());
}

static void start_camera(void)
{
    const camera_config_t config = {
        .pin_pwdn = 32, .pin_reset = -1, .pin_xclk = 0, .pin_sccb_sda = 26, .pin_sccb_scl = 27,
        .pin_d7 = 35, .pin_d6 = 34, .pin_d5 = 39, .pin_d4 = 36, .pin_d3 = 21, .pin_d2 = 19, .pin_d1 = 18, .pin_d0 = 5,
        .pin_vsync = 25, .pin_href = 23, .pin_pclk = 22,
        .xclk_freq_hz = 20000000, .ledc_timer = LEDC_TIMER_0, .ledc_channel = LEDC_CHANNEL_0,
        .pixel_format = PIXFORMAT_JPEG, .frame_size = FRAMESIZE_VGA, .jpeg_quality = 12,
        .fb_count = 2,  // with more, CAMERA_GRAB_LATEST gives an older frame
        .fb_location = CAMERA_FB_IN_PSRAM, .grab_mode = CAMERA_GRAB_LATEST,
    };
    ESP_ERROR_CHECK(esp_camera_init(&config));
}

// The number after a key of a message. fovea writes its messages without spaces.
static uint64_t number(const char *message, const char *key)
{
    const char *at = strstr(message, key);
    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void websocket_event(void *arg, esp_event_base_t base, int32_t id, void *event)
{
    const esp_websocket_event_data_t *data = event;
    message_t message = {.type = DISCONNECTED};
    if (id == WEBSOCKET_EVENT_DATA) {
        // A longer message comes in several events. What matters is in the first one.
        if (data->op_code != WS_TRANSPORT_OPCODES_TEXT || data->payload_offset != 0) {
            return;
        }
        char text[512];
        snprintf(text, sizeof text, "%.*s", data->data_len, data->data_ptr);
        if (strstr(text, "\"type\":\"hello\"")) {
            message = (message_t){HELLO, number(text, "\"max_message_bytes\":")};
        } else if (strstr(text, "\"type\":\"clock\"")) {
            message = (message_t){CLOCK, number(text, "\"server_us\":")};
        } else {  // "taken" or "refused"
            message = (message_t){ANSWER, number(text, "\"seq\":")};
        }
    } else if (id != WEBSOCKET_EVENT_DISCONNECTED && id != WEBSOCKET_EVENT_CLOSED) {
        return;
    }
    xQueueSend(messages, &message, 0);
}

static void answer_clock(esp_websocket_client_handle_t fovea, uint64_t server_us)
{
    char answer[100];
    int length = snprintf(answer, sizeof answer,
                          "{\"type\":\"clock\",\"server_us\":%" PRIu64 ",\"sender_us\":%" PRId64 "}",
                          server_us, esp_timer_get_time());
    esp_websocket_client_send_text(fovea, answer, length, SEND_LIMIT);
}

// Sends a header and a picture as fragments of one message.
static bool send_picture(esp_websocket_client_handle_t fovea, const camera_fb_t *frame, uint64_t seq)
{
    const header_t header = {
        .magic = {'F', 'V', 'E', 'A'}, .version = 1, .format = 1 /* JPEG */, .header_bytes = sizeof header, .seq = seq,
        .captured_us = frame->timestamp.tv_sec * 1000000ULL + frame->timestamp.tv_usec,  // of esp_timer
    };
    if (esp_websocket_client_send_bin_partial(fovea, (const char *)&header, sizeof header, SEND_LIMIT) < 0) {
        return false;
    }
    for (size_t at = 0; at < frame->len; at += PART_BYTES) {
        int part = frame->len - at < PART_BYTES ? frame->len - at : PART_BYTES;
        if (esp_websocket_client_send_cont_msg(fovea, (const char *)frame->buf + at, part, SEND_LIMIT) != part) {
            return false;
        }
    }
    return esp_websocket_client_send_fin(fovea, SEND_LIMIT) >= 0;
}

void app_main(void)
{
    messages = xQueueCreate(16, sizeof(message_t));
    start_wifi();
    start_camera();

    const esp_websocket_client_config_t config = {
        .uri = CONFIG_CAMERA_FOVEA_URI, .cert_pem = board_pem, .subprotocol = "fovea.v1",
        .headers = HAS_TOKEN ? TOKEN_HEADER : NULL, .buffer_size = PART_BYTES,
        .reconnect_timeout_ms = 2000, .network_timeout_ms = 10000, .enable_close_reconnect = true,
    };
    esp_websocket_client_handle_t fovea = esp_websocket_client_init(&config);
    ESP_ERROR_CHECK(esp_websocket_register_events(fovea, WEBSOCKET_EVENT_ANY, websocket_event, NULL));
    ESP_ERROR_CHECK(esp_websocket_client_start(fovea));

    uint64_t max_message_bytes = 0;  // 0: not connected
    uint64_t seq = 0;                // of the last frame that was sent
    bool is_waiting = false;         // for the answer to it
    for (;;) {
        message_t message;
        bool may_send = max_message_bytes && !is_waiting;
        if (xQueueReceive(messages, &message, may_send ? 0 : PATIENCE)) {
            if (message.type == HELLO) {
                max_message_bytes = message.number;
                is_waiting = false;
            } else if (message.type == CLOCK) {
                answer_clock(fovea, message.number);
            } else if (message.type == DISCONNECTED) {
                max_message_bytes = 0;
            } else if (message.number == seq) {
                is_waiting = false;
            }
            continue;
        }
        camera_fb_t *frame = max_message_bytes ? esp_camera_fb_get() : NULL;
        if (!frame) {
            continue;
        }
        if (sizeof(header_t) + frame->len > max_message_bytes) {
            ESP_LOGW(TAG, "fovea does not take a picture of %u bytes", (unsigned)frame->len);
        } else {
            is_waiting = true;
            if (!send_picture(fovea, frame, ++seq)) {
                ESP_LOGW(TAG, "frame %" PRIu64 " was not sent", seq);
            }
        }
        esp_camera_fb_return(frame);
    }
}
