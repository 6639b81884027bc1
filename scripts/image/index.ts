/**
 * Owns the container image: which files are in it, and the OCI archive that holds them, made
 * without a Docker engine and the same to the byte wherever it is made. Never pushes or loads it
 * anywhere, and never builds from anything but this repository and the versions in pins.json.
 */
export { type BuiltImage, buildImage, type ImageOptions } from './build-image.ts';
export { imageName, type Platform, platforms } from './names.ts';
