// A stand-in for ArduinoWebsockets 0.5 by Gil Maimon: what the sketches use of it has the same names, types and
// behaviour, over the connection in board.hpp.
#pragma once

#include <Arduino.h>

#include <functional>

#include "board.hpp"

namespace websockets {

typedef String WSInterfaceString;

class WebsocketsMessage {
public:
  WebsocketsMessage(const std::string &data) : _data(data) {}
  const char *c_str() const { return _data.c_str(); }

private:
  std::string _data;
};

class WebsocketsClient {
public:
  typedef std::function<void(WebsocketsMessage)> PartialMessageCallback;

  // The library adds any header. The sketches need but this one.
  void addHeader(const WSInterfaceString key, const WSInterfaceString value) {
    if (key != "Sec-WebSocket-Protocol") fail("the stand-in does not know the header " + key);
    _protocol = value;
  }
  void onMessage(const PartialMessageCallback callback) { _callback = callback; }
  bool connect(const WSInterfaceString, const int, const WSInterfaceString path) {
    return _connection.open("gilmaimon", {path, _protocol, "", "", ""});
  }
  bool available() { return _connection.isOpen(); }

  // Receives what is there.
  bool poll() {
    bool isReceived = false;
    while (_connection.hasInput()) {
      Connection::Frame frame;
      if (!_connection.receive(frame)) break;
      isReceived = true;
      if (frame.opcode == Connection::TEXT && _callback) _callback(WebsocketsMessage(frame.payload));
    }
    return isReceived;
  }

  // In a message that was begun as a stream, these send its next part.
  bool send(const char *data) { return sendOrContinue(Connection::TEXT, data, strlen(data)); }
  bool sendBinary(const char *data, const size_t length) { return sendOrContinue(Connection::BINARY, data, length); }

  // It stays in that message, even in a new connection, until `end` ends it.
  bool streamBinary(const WSInterfaceString data = "") {
    if (!available() || _isStreaming) return false;
    _isStreaming = true;
    return _connection.send(Connection::BINARY, false, data.data(), data.size());
  }
  bool end(const WSInterfaceString data = "") {
    if (!available() || !_isStreaming) return false;
    _isStreaming = false;
    return _connection.send(Connection::CONTINUATION, true, data.data(), data.size());
  }

  void close() { _connection.close(); }

private:
  Connection _connection{0};
  std::string _protocol;
  PartialMessageCallback _callback;
  bool _isStreaming = false;

  bool sendOrContinue(Connection::Opcode opcode, const char *data, size_t length) {
    if (!available()) return false;
    return _connection.send(_isStreaming ? Connection::CONTINUATION : opcode, !_isStreaming, data, length);
  }
};

} // namespace websockets
