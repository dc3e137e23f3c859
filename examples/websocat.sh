#!/bin/sh
# A camera in a few lines of shell, with the program `websocat` (cargo install websocat).
#
#     websocat.sh 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg
#
# A board with tokens needs one at the end of the address: `?results&token=fovea_...`.
#
# Each line becomes a text message, and a data URL is a picture. It prints the answers.
url=$1
shift
{
    for picture; do
        echo "data:image/jpeg;base64,$(base64 -w0 "$picture")"
        sleep 0.05
    done
    sleep 1 # for the last answer: websocat ends with its input
} | websocat --text --buffer-size 8000000 "$url"
