// A network that is there. It says that it started, and wants to be connected then.
#pragma once

#include <stdint.h>

#include "esp_err.h"
#include "esp_event.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { WIFI_MODE_STA = 1 } wifi_mode_t;
typedef enum { WIFI_IF_STA } wifi_interface_t;
enum { WIFI_EVENT_STA_START = 2, WIFI_EVENT_STA_DISCONNECTED = 5 };
typedef struct { int magic; } wifi_init_config_t;
typedef union { struct { uint8_t ssid[32], password[64]; } sta; } wifi_config_t;

#define WIFI_INIT_CONFIG_DEFAULT() {0x1f2f3f4f}

extern esp_event_base_t const WIFI_EVENT;

static inline esp_err_t esp_wifi_init(const wifi_init_config_t *config) { return config->magic ? ESP_OK : ESP_FAIL; }
static inline esp_err_t esp_wifi_set_mode(wifi_mode_t mode) { return mode == WIFI_MODE_STA ? ESP_OK : ESP_FAIL; }
static inline esp_err_t esp_wifi_set_config(wifi_interface_t interface, wifi_config_t *config) {
  return interface == WIFI_IF_STA && config->sta.ssid[0] ? ESP_OK : ESP_FAIL;
}
esp_err_t esp_wifi_start(void);
esp_err_t esp_wifi_connect(void);

#ifdef __cplusplus
}
#endif
