#include "board.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "esp_timer.h"

Board board;

void Board::configure(int count, char **arguments) {
  if (count < 4) fail("usage: PORT SPEED PICTURES...");
  port = static_cast<uint16_t>(atoi(arguments[1]));
  speed = atof(arguments[2]);
  pictures.assign(arguments + 3, arguments + count);
}

void Board::sleepMs(unsigned long ms) const {
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(ms / speed));
}

void fail(const std::string &why) {
  fprintf(stderr, "%s\n", why.c_str());
  fflush(nullptr);
  _exit(1);
}

// It runs since the program's start, and was not at zero then: not the clock of the daemon.
int64_t esp_timer_get_time(void) {
  static const auto start = std::chrono::steady_clock::now();
  const auto age = std::chrono::steady_clock::now() - start;
  return 7000000 + std::chrono::duration_cast<std::chrono::microseconds>(age).count();
}

bool Connection::open(const std::string &library, const Target &target) {
  std::ifstream file("tests/data/openings/" + library + ".http");
  std::string request, line;
  while (std::getline(file, line)) {
    if (line.find("Sec-WebSocket-Protocol:") == 0) continue;
    if (line.find("Origin:") == 0 && !target.headers.empty()) continue; // of the libraries, what is given replaces it
    if (line.find("GET ") == 0) line = "GET " + target.path + " HTTP/1.1\r";
    request += line + "\n";
    if (line.find("Sec-WebSocket-Key:") != 0) continue;
    request += target.headers;
    if (!target.protocol.empty()) request += "Sec-WebSocket-Protocol: " + target.protocol + "\r\n";
  }
  if (request.empty()) fail("no opening of " + library);

  close();
  socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(board.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::string answer;
  char byte;
  bool isAnswered = connect(socket, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0 &&
                    (target.certificate.empty() || beginTls(target)) && sendAll(request.data(), request.size());
  while (isAnswered && answer.find("\r\n\r\n") == std::string::npos) {
    isAnswered = receiveAll(&byte, 1);
    answer += byte;
  }
  // What the key of those openings asks for.
  const bool isAgreed = answer.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos;
  if (isAnswered && answer.find("HTTP/1.1 101 ") == 0 && isAgreed) {
    return true;
  }
  close();
  return false;
}

// As the libraries do it: the server's certificate is the given one, and has the name that was connected to.
bool Connection::beginTls(const Target &target) {
  BIO *text = BIO_new_mem_buf(target.certificate.data(), static_cast<int>(target.certificate.size()));
  X509 *certificate = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
  BIO_free(text);
  if (!certificate) fail("the certificate is not in PEM");
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
  X509_free(certificate);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  tls = SSL_new(context);
  SSL_CTX_free(context);
  SSL_set1_host(tls, target.host.c_str());
  SSL_set_tlsext_host_name(tls, target.host.c_str());
  SSL_set_fd(tls, socket);
  return SSL_connect(tls) == 1;
}

bool Connection::hasInput(int waitMs) {
  if (tls && SSL_pending(tls)) return true;
  pollfd descriptor = {socket, POLLIN, 0};
  return isOpen() && poll(&descriptor, 1, waitMs) > 0;
}

bool Connection::receive(Frame &frame) {
  uint8_t head[2];
  if (!receiveAll(head, sizeof head)) return false;
  frame.opcode = head[0] & 0x0f;
  frame.isFinal = (head[0] & 0x80) != 0;
  uint64_t length = head[1] & 0x7f;
  uint8_t extended[8];
  const size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (!receiveAll(extended, more)) return false;
  if (more) length = 0;
  for (size_t i = 0; i < more; i++) length = length << 8 | extended[i];
  frame.payload.resize(length);
  if (!receiveAll(&frame.payload[0], length)) return false;
  if (frame.opcode == PING) send(PONG, true, frame.payload.data(), length);
  if (frame.opcode == CLOSE) {
    send(CLOSE, true, frame.payload.data(), std::min<size_t>(length, 2));
    close();
  }
  return true;
}

bool Connection::send(int opcode, bool isFinal, const void *data, size_t length) {
  std::string head(1, static_cast<char>((isFinal ? 0x80 : 0) | opcode));
  const int bytes = length < 126 ? 0 : length < 0x10000 ? 2 : 8;
  head += static_cast<char>(0x80 | (bytes == 0 ? length : bytes == 2 ? 126 : 127));
  for (int i = bytes - 1; i >= 0; i--) head += static_cast<char>(length >> 8 * i);
  const bool isMasked = length > 0 && length <= maskedBytes;
  const std::string mask(isMasked ? "\x37\xfa\x21\x3d" : std::string(4, '\0'));
  head += mask;
  std::string masked;
  if (isMasked) {
    masked.assign(static_cast<const char *>(data), length);
    for (size_t i = 0; i < length; i++) masked[i] ^= mask[i % 4];
    data = masked.data();
  }
  return sendAll(head.data(), head.size()) && sendAll(data, length);
}

void Connection::close() {
  SSL_free(tls);
  tls = nullptr;
  if (isOpen()) ::close(socket);
  socket = -1;
}

bool Connection::sendAll(const void *data, size_t length) {
  for (size_t done = 0; isOpen() && done < length;) {
    const char *rest = static_cast<const char *>(data) + done;
    const ssize_t sent = tls ? SSL_write(tls, rest, static_cast<int>(length - done))
                             : ::send(socket, rest, length - done, MSG_NOSIGNAL);
    if (sent <= 0) close();
    done += sent > 0 ? sent : 0;
  }
  return isOpen();
}

bool Connection::receiveAll(void *data, size_t length) {
  for (size_t done = 0; isOpen() && done < length;) {
    char *rest = static_cast<char *>(data) + done;
    const ssize_t received = tls ? SSL_read(tls, rest, static_cast<int>(length - done)) : recv(socket, rest, length - done, 0);
    if (received <= 0) close();
    done += received > 0 ? received : 0;
  }
  return isOpen();
}
