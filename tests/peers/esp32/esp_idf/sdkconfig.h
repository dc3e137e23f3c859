// As main/Kconfig.projbuild has the defaults.
#pragma once

#define CONFIG_CAMERA_WIFI_NAME "NETWORK"
#define CONFIG_CAMERA_WIFI_PASSWORD "PASSWORD"
#ifndef CONFIG_CAMERA_FOVEA_TLS
#define CONFIG_CAMERA_FOVEA_URI "ws://192.168.1.20:8999/frames/door"
#define CONFIG_CAMERA_FOVEA_TOKEN ""
#endif
