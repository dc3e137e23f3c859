// A stand-in for arduinoWebSockets 2.7 by Markus Sattler: what the sketches use of it has the same names, types and
// behaviour, over the connection in board.hpp.
#pragma once

#include <Arduino.h>

#include <functional>

#include "board.hpp"

enum WStype_t {
  WStype_ERROR,
  WStype_DISCONNECTED,
  WStype_CONNECTED,
  WStype_TEXT,
  WStype_BIN,
  WStype_PING = 9,
  WStype_PONG
};

enum WSopcode_t { WSop_continuation = 0, WSop_text = 1, WSop_binary = 2 };

struct WSclient_t {
  Connection tcp{1399}; // the library masks what it copies into one packet with the frame's head
};

class WebSockets {
protected:
  bool sendFrame(WSclient_t *client, WSopcode_t opcode, uint8_t *payload = nullptr, size_t length = 0,
                 bool fin = true) {
    return client->tcp.send(opcode, fin, payload, length);
  }
};

class WebSocketsClient : protected WebSockets {
public:
  typedef std::function<void(WStype_t type, uint8_t *payload, size_t length)> WebSocketClientEvent;

  void begin(const char *, uint16_t, const char *url = "/", const char *protocol = "arduino") {
    _target.path = url;
    _target.protocol = protocol;
  }
  void beginSslWithCA(const char *host, uint16_t, const char *url, const char *CA_cert, const char *protocol = "arduino") {
    begin(host, 0, url, protocol);
    _target.host = host;
    _target.certificate = CA_cert;
  }
  void setExtraHeaders(const char *extraHeaders = nullptr) {
    _target.headers = extraHeaders ? std::string(extraHeaders) + "\r\n" : "";
  }
  void onEvent(WebSocketClientEvent callback) { _callback = callback; }
  void setReconnectInterval(unsigned long ms) { _reconnectInterval = ms; }
  bool isConnected() { return _isConnected; }
  bool sendTXT(const char *payload, size_t length = 0) {
    return sendFrame(&_client, WSop_text, (uint8_t *)payload, length ? length : strlen(payload));
  }
  bool sendBIN(const uint8_t *payload, size_t length) {
    return sendFrame(&_client, WSop_binary, (uint8_t *)payload, length);
  }

  // Connects, or receives one frame.
  void loop() {
    if (!_client.tcp.isOpen()) {
      if (_isConnected) disconnect();
      if (millis() - _lastConnectionFail < _reconnectInterval) return;
      _isConnected = _client.tcp.open("links2004", _target);
      if (_isConnected) {
        event(WStype_CONNECTED, _target.path);
      } else {
        _lastConnectionFail = millis();
      }
    } else if (_client.tcp.hasInput()) {
      Connection::Frame frame;
      if (!_client.tcp.receive(frame)) return disconnect();
      if (frame.opcode == Connection::TEXT) event(WStype_TEXT, frame.payload);
      if (frame.opcode == Connection::PING) event(WStype_PING, frame.payload);
    }
  }

  void disconnect() {
    _client.tcp.close();
    _isConnected = false;
    _lastConnectionFail = millis();
    event(WStype_DISCONNECTED, "");
  }

protected:
  WSclient_t _client;

private:
  Connection::Target _target;
  WebSocketClientEvent _callback;
  unsigned long _reconnectInterval = 500, _lastConnectionFail = 0;
  bool _isConnected = false;

  // The payload ends in a zero. Without a byte in it, it is null.
  void event(WStype_t type, std::string payload) {
    if (_callback) _callback(type, payload.empty() ? nullptr : (uint8_t *)&payload[0], payload.size());
  }
};
