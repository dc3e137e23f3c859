// A network that is there.
#pragma once

enum wl_status_t { WL_IDLE_STATUS = 0, WL_CONNECTED = 3 };

struct WiFiStation {
  wl_status_t begin(const char *, const char *) { return state = WL_CONNECTED; }
  wl_status_t status() const { return state; }

private:
  wl_status_t state = WL_IDLE_STATUS;
};

extern WiFiStation WiFi;
