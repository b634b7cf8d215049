# Where images come from: built here, pulled, or carried in a file to a machine without a network.
# shellcheck shell=bash disable=SC2154 # start.sh sets the names

# A released image is pulled; without LLAMP_IMAGE it is built from this checkout.
build_image() {
  [ -n "${LLAMP_IMAGE:-}" ] || compose build
}

all_images() { compose config --images | sort -u; }

# One file with every image and everything that start.sh needs; no secret and no setting of this machine.
bundle() {
  local file="${1:-llamp-bundle.tar}" folder image
  local -a images=()
  check_tools
  stop_at_problems
  build_image
  # Not --ignore-buildable: with a released image there is nothing that was built.
  if [ -n "${LLAMP_IMAGE:-}" ]; then compose pull; else compose pull --ignore-buildable; fi
  while read -r image; do images+=("$image"); done < <(all_images)
  folder="$(mktemp -d)"
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$folder'" EXIT
  docker save -o "$folder/images.tar" "${images[@]}"
  printf '%s\n' "${LLAMP_IMAGE:-llamp:local}" >"$folder/image"
  tar -cf "$file.new" -C "$HERE/../.." \
    --exclude=deployments/docker/secrets --exclude=deployments/docker/rendered --exclude=deployments/docker/.env \
    --exclude=deployments/docker/backups \
    --exclude='deployments/nginx/certs/tls.*' deployments/docker deployments/nginx
  tar -rf "$file.new" -C "$folder" images.tar image
  mv "$file.new" "$file"
  echo "$file holds ${#images[@]} images and the deployment. On the other machine:"
  echo "  tar -xf $(basename "$file") && deployments/docker/start.sh load images.tar && deployments/docker/start.sh"
}

load() {
  local file="${1:?give the file images.tar of an unpacked bundle}" name
  check_tools
  stop_at_problems
  docker load -i "$file"
  name="$(dirname "$file")/image"
  # Named in .env it is neither built nor pulled.
  if [ -s "$name" ]; then set_setting LLAMP_IMAGE "$(cat "$name")"; fi
  echo "The images are here; start with: $HERE/start.sh"
}
