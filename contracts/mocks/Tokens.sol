// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @notice A token as it should be, with ERC-2612 permit; anyone mints.
contract Token is ERC20Permit {
    constructor() ERC20("Token", "TOK") ERC20Permit("Token") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @notice Keeps one per cent of every transfer.
contract FeeToken is Token {
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(0), amount / 100);
    }
}

/// @notice Grows every balance that it moves to by one unit.
contract RebasingToken is Token {
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(address(0), to, 1);
    }
}

/// @notice Calls both sides of every transfer that have code, as ERC-777 does.
contract HookToken is Token {
    function _update(address from, address to, uint256 amount) internal override {
        _announce(from);
        super._update(from, to, amount);
        _announce(to);
    }

    function _announce(address account) private {
        if (account.code.length == 0) return;
        (bool heard,) = account.call("");
        heard;
    }
}

/// @notice Refuses to move to whom it has listed.
contract BlacklistingToken is Token {
    mapping(address account => bool) public listed;

    error Blacklisted(address account);

    function list(address account, bool value) external {
        listed[account] = value;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (listed[to]) revert Blacklisted(to);
        super._update(from, to, amount);
    }
}

/// @notice Reports failure by returning false, as early tokens do.
contract FalseToken is Token {
    bool public failing;

    function fail(bool value) external {
        failing = value;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !failing && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !failing && super.transferFrom(from, to, amount);
    }
}

/// @notice Returns nothing from its transfers, as USDT does.
contract SilentToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address account => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}
