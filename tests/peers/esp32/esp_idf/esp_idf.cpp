// FreeRTOS and the Wi-Fi of ESP-IDF, and the start of the program.
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>

#include "board.hpp"
#include "esp_wifi.h"
#include "freertos/queue.h"

struct QueueDefinition {
  UBaseType_t length, itemBytes;
  std::deque<std::string> items;
  std::mutex lock;
  std::condition_variable changed;
};

QueueHandle_t xQueueCreate(UBaseType_t length, UBaseType_t item_bytes) {
  auto *queue = new QueueDefinition;
  queue->length = length;
  queue->itemBytes = item_bytes;
  return queue;
}

// Whatever is to be waited for, a full queue takes nothing: the program does not wait.
BaseType_t xQueueSend(QueueHandle_t queue, const void *item, TickType_t wait) {
  if (wait) fail("the stand-in does not wait to send");
  std::lock_guard<std::mutex> locked(queue->lock);
  if (queue->items.size() == queue->length) return 0;
  queue->items.emplace_back(static_cast<const char *>(item), queue->itemBytes);
  queue->changed.notify_one();
  return 1;
}

BaseType_t xQueueReceive(QueueHandle_t queue, void *item, TickType_t wait) {
  std::unique_lock<std::mutex> locked(queue->lock);
  const auto limit = std::chrono::duration<double, std::milli>(10 * wait / board.speed);
  if (!queue->changed.wait_for(locked, limit, [queue] { return !queue->items.empty(); })) return 0;
  memcpy(item, queue->items.front().data(), queue->itemBytes);
  queue->items.pop_front();
  return 1;
}

esp_event_base_t const WIFI_EVENT = "WIFI_EVENT";

static esp_event_handler_t wifiHandler = nullptr;
static bool isConnected = false;

esp_err_t esp_event_handler_register(esp_event_base_t base, int32_t id, esp_event_handler_t handler, void *) {
  if (base != WIFI_EVENT || id != ESP_EVENT_ANY_ID) return ESP_FAIL;
  wifiHandler = handler;
  return ESP_OK;
}

esp_err_t esp_wifi_connect(void) {
  isConnected = true;
  return ESP_OK;
}

esp_err_t esp_wifi_start(void) {
  if (wifiHandler) wifiHandler(nullptr, WIFI_EVENT, WIFI_EVENT_STA_START, nullptr);
  return isConnected ? ESP_OK : ESP_FAIL;
}

extern "C" void app_main(void);

int main(int count, char **arguments) {
  board.configure(count, arguments);
  app_main();
}
