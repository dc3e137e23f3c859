#include "esp_websocket_client.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "board.hpp"

struct esp_websocket_client {
  Connection::Target target;
  int bufferBytes, reconnectMs;
  bool reconnectsAfterClose;
  esp_event_handler_t handler = nullptr;
  void *handlerArgument = nullptr;
  std::recursive_mutex lock; // of the connection: while the handler runs, another thread cannot send
  Connection connection{SIZE_MAX};

  void event(esp_websocket_event_id_t id, esp_websocket_event_data_t data = {}) {
    if (handler) handler(handlerArgument, "WEBSOCKET_EVENTS", id, &data);
  }

  // A long message comes in several events.
  void received(const Connection::Frame &frame) {
    const int length = static_cast<int>(frame.payload.size());
    int offset = 0;
    do {
      const int part = std::min(bufferBytes, length - offset);
      event(WEBSOCKET_EVENT_DATA, {frame.payload.data() + offset, part, frame.isFinal,
                                   static_cast<uint8_t>(frame.opcode), length, offset});
      offset += part;
    } while (offset < length);
  }

  // In a thread of its own.
  void run() {
    for (;;) {
      Connection::Frame frame;
      std::unique_lock<std::recursive_mutex> locked(lock);
      bool isClosed = false;
      if (connection.open("espressif", target)) {
        event(WEBSOCKET_EVENT_CONNECTED);
        while (connection.isOpen() && !isClosed) {
          locked.unlock();
          const bool hasInput = connection.hasInput(10);
          locked.lock();
          if (!hasInput || !connection.receive(frame)) continue;
          received(frame);
          isClosed = frame.opcode == Connection::CLOSE;
        }
        event(isClosed ? WEBSOCKET_EVENT_CLOSED : WEBSOCKET_EVENT_DISCONNECTED);
      }
      if (isClosed && !reconnectsAfterClose) return;
      locked.unlock();
      board.sleepMs(reconnectMs);
    }
  }

  int send(Connection::Opcode opcode, bool isFinal, const char *data, int length) {
    std::lock_guard<std::recursive_mutex> locked(lock);
    if (!connection.isOpen()) return -1;
    int sent = 0;
    do {
      const int part = std::min(bufferBytes, length - sent);
      if (!connection.send(opcode, isFinal && sent + part == length, data + sent, part)) return -1;
      opcode = Connection::CONTINUATION;
      sent += part;
    } while (sent < length);
    return sent;
  }
};

esp_websocket_client_handle_t esp_websocket_client_init(const esp_websocket_client_config_t *config) {
  const std::string uri = config->uri;
  const bool isTls = uri.find("wss://") == 0;
  const size_t host = isTls ? 6 : 5, path = uri.find("ws://") == 0 || isTls ? uri.find('/', host) : std::string::npos;
  if (path == std::string::npos || (isTls && !config->cert_pem)) return nullptr;
  auto *client = new esp_websocket_client;
  client->target.path = uri.substr(path);
  client->target.protocol = config->subprotocol ? config->subprotocol : "";
  client->target.headers = config->headers ? config->headers : "";
  if (isTls) {
    client->target.host = uri.substr(host, uri.find(':', host) - host);
    client->target.certificate = config->cert_pem;
  }
  client->bufferBytes = config->buffer_size;
  client->reconnectMs = config->reconnect_timeout_ms;
  client->reconnectsAfterClose = config->enable_close_reconnect;
  return client;
}

esp_err_t esp_websocket_register_events(esp_websocket_client_handle_t client, esp_websocket_event_id_t event,
                                        esp_event_handler_t handler, void *arg) {
  if (event != WEBSOCKET_EVENT_ANY) return ESP_FAIL;
  client->handler = handler;
  client->handlerArgument = arg;
  return ESP_OK;
}

esp_err_t esp_websocket_client_start(esp_websocket_client_handle_t client) {
  std::thread([client] { client->run(); }).detach();
  return ESP_OK;
}

int esp_websocket_client_send_text(esp_websocket_client_handle_t client, const char *data, int len, TickType_t) {
  return client->send(Connection::TEXT, true, data, len);
}

int esp_websocket_client_send_bin_partial(esp_websocket_client_handle_t client, const char *data, int len, TickType_t) {
  return client->send(Connection::BINARY, false, data, len);
}

int esp_websocket_client_send_cont_msg(esp_websocket_client_handle_t client, const char *data, int len, TickType_t) {
  return client->send(Connection::CONTINUATION, false, data, len);
}

int esp_websocket_client_send_fin(esp_websocket_client_handle_t client, TickType_t) {
  return client->send(Connection::CONTINUATION, true, nullptr, 0);
}
