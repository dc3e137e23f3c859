// What all programs for an ESP32 get of this machine: the command line, the clock, a WebSocket connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// The command line: PORT SPEED PICTURES...
struct Board {
  uint16_t port = 0; // of 127.0.0.1, whatever address the program has
  double speed = 1;  // of the clock that the program waits by
  std::vector<std::string> pictures;

  void configure(int count, char **arguments);
  void sleepMs(unsigned long ms) const;
};

extern Board board;

[[noreturn]] void fail(const std::string &why);

// A connection to the daemon, as a WebSocket client: RFC 6455.
class Connection {
public:
  enum Opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
  struct Frame {
    int opcode;
    bool isFinal;
    std::string payload;
  };

  // Longer payloads have a mask of zeros: the Arduino libraries change none of their bytes.
  explicit Connection(size_t maskedBytes) : maskedBytes(maskedBytes) {}
  ~Connection() { close(); }
  // Opens it with the request of a library, as tests/data/openings has it, but for the path and the sub-protocol.
  bool open(const std::string &library, const std::string &path, const std::string &protocol);
  bool isOpen() const { return socket >= 0; }
  bool hasInput(int waitMs = 0);
  // Waits for a frame. Pings are answered; a close is, too, and ends the connection.
  bool receive(Frame &frame);
  bool send(int opcode, bool isFinal, const void *data, size_t length);
  void close();

private:
  const size_t maskedBytes;
  int socket = -1;

  bool sendAll(const void *data, size_t length);
  bool receiveAll(void *data, size_t length);
};
