# Medbook for Nix: "nix develop" is a shell with everything that the tests need,
# "nix build" the package. Nix 2.8 or newer, with flakes. The first use writes
# flake.lock, which pins nixpkgs; commit it.
{
  description = "Booking and care back end for clinics";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable"; # has Go 1.26

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forEach = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});

      # 20261129221735 -> 2026-11-29T22:17:35Z
      date = self.lastModifiedDate or "19700101000000";
      part = from: length: builtins.substring from length date;
      committed = "${part 0 4}-${part 4 2}-${part 6 2}T${part 8 2}:${part 10 2}:${part 12 2}Z";
      commit = self.rev or self.dirtyRev or "";
    in
    {
      packages = forEach (pkgs: {
        default = pkgs.buildGoModule {
          pname = "medbook";
          version = self.shortRev or "dev";
          src = self;
          subPackages = [ "cmd/medbook" ];
          # Of what "go mod vendor" writes; a test fails when it is not (tools/release).
          vendorHash = "sha256-pO2X4oK2RASLPustQeFPICaqdZ7RacgqPut29PJhA7k=";
          env.CGO_ENABLED = "0";
          ldflags = [ "-s" "-w" "-X main.commit=${commit}" "-X main.committed=${committed}" ];
          doCheck = false; # the tests need PostgreSQL and Chromium: make test, in the shell below
          meta = {
            description = "Booking and care back end for clinics";
            license = pkgs.lib.licenses.asl20;
            mainProgram = "medbook";
          };
        };
      });

      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          packages = [ pkgs.go pkgs.gcc pkgs.postgresql pkgs.nodejs pkgs.git pkgs.gnumake pkgs.curl ]
            ++ pkgs.lib.optionals pkgs.stdenv.hostPlatform.isLinux [ pkgs.chromium pkgs.systemd pkgs.dpkg ];
        };
      });
    };
}
