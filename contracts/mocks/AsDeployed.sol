// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

// Forge builds this file, and so what it imports, as the contract is deployed: `foundry.toml`. The specification in
// tests/contracts deploys these builds; forge's tests, which import the mocks, use quick ones.
import {Harness} from "contracts/mocks/Harness.sol";
import {Token} from "contracts/mocks/Tokens.sol";
import {Wallet} from "contracts/mocks/Wallets.sol";
