# SPDX-License-Identifier: GPL-2.0
#
# A NixOS module: the kernel with the series. It reads the list of patches, so that
# there is nothing to keep up to date here but the options of Kconfig.snippet.

{ lib, pkgs, ... }:

let
  patches = ../../patches/linux-6.12;
  isPatch = line: builtins.isString line && builtins.match "[0-9].*\\.patch" line != null;
  series = builtins.filter isPatch (builtins.split "\n" (builtins.readFile (patches + "/series")));
in
{
  boot.kernelPackages = pkgs.linuxPackages_6_12;
  boot.kernelPatches =
    map (name: { inherit name; patch = patches + "/${name}"; }) series
    ++ [
      {
        name = "pvreap-options";
        patch = null;
        # Before 25.05 was updated in August 2025 it was called extraStructuredConfig.
        structuredExtraConfig = {
          XEN_PV = lib.kernel.yes;
          XEN_PV_PT_REAPER = lib.kernel.yes;
          PCP_BATCH_SCALE_MAX = lib.kernel.freeform "0";
        };
      }
    ];
}
