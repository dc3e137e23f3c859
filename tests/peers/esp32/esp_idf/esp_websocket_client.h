// A stand-in for Espressif's component esp_websocket_client: what the program uses of it has the same names, types and
// behaviour, over the connection in board.hpp.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_event.h"
#include "freertos/FreeRTOS.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_websocket_client *esp_websocket_client_handle_t;

typedef enum {
  WS_TRANSPORT_OPCODES_CONT = 0,
  WS_TRANSPORT_OPCODES_TEXT = 1,
  WS_TRANSPORT_OPCODES_BINARY = 2,
} ws_transport_opcodes_t;

typedef enum {
  WEBSOCKET_EVENT_ANY = -1,
  WEBSOCKET_EVENT_ERROR = 0,
  WEBSOCKET_EVENT_CONNECTED,
  WEBSOCKET_EVENT_DISCONNECTED,
  WEBSOCKET_EVENT_DATA,
  WEBSOCKET_EVENT_CLOSED,
} esp_websocket_event_id_t;

typedef struct {
  const char *data_ptr;
  int data_len;
  bool fin;
  uint8_t op_code;
  int payload_len;
  int payload_offset;
} esp_websocket_event_data_t;

typedef struct {
  const char *uri;
  const char *cert_pem;
  const char *subprotocol;
  const char *headers;
  int buffer_size;
  int reconnect_timeout_ms;
  int network_timeout_ms;
  bool enable_close_reconnect;
} esp_websocket_client_config_t;

esp_websocket_client_handle_t esp_websocket_client_init(const esp_websocket_client_config_t *config);
esp_err_t esp_websocket_register_events(esp_websocket_client_handle_t client, esp_websocket_event_id_t event,
                                        esp_event_handler_t handler, void *arg);
esp_err_t esp_websocket_client_start(esp_websocket_client_handle_t client);
int esp_websocket_client_send_text(esp_websocket_client_handle_t client, const char *data, int len, TickType_t timeout);
int esp_websocket_client_send_bin_partial(esp_websocket_client_handle_t client, const char *data, int len,
                                          TickType_t timeout);
int esp_websocket_client_send_cont_msg(esp_websocket_client_handle_t client, const char *data, int len,
                                       TickType_t timeout);
int esp_websocket_client_send_fin(esp_websocket_client_handle_t client, TickType_t timeout);

#ifdef __cplusplus
}
#endif
